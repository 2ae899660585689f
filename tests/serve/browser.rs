//! Chromium, without a window, driven over the pipe of its DevTools protocol: requests and answers in JSON, each ended by a zero byte.
//!
//! A shell hands it the pipe as file descriptors 3 and 4; nothing else is needed, no socket and no driver.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Browser {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    profile: tempfile::TempDir,
    last: u64,
    session: Option<String>,
    /// What the page has complained of: scripts that failed, what its policy has blocked.
    pub complaints: Vec<String>,
}

/// The browser; none where it is missing, which is said.
pub fn start() -> Option<Browser> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let is_there = |name: &&&str| {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
    };
    let Some(name) = names.iter().find(is_there) else {
        eprintln!("Chromium is missing, under the names {}: the page is not tried in a browser", names.join(", "));
        return None;
    };
    let profile = tempfile::tempdir().unwrap();
    let flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-extensions --remote-debugging-pipe";
    let command = format!("exec {name} {flags} --user-data-dir=\"$0\" 3<&0 4>&1 </dev/null >/dev/null 2>&1");
    let shell = Command::new("sh")
        .arg("-c")
        .arg(command)
        .arg(profile.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut process = shell.unwrap();
    let (to, from) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
    Some(Browser { process, to, from, profile, last: 0, session: None, complaints: Vec::new() })
}

impl Browser {
    /// Opens a page as wide and as high as this, in place of the one before.
    pub fn open(&mut self, url: &str, (width, height): (u32, u32)) {
        self.session = None;
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let session = self.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        self.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}));
        }
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        self.call("Page.navigate", json!({ "url": url }));
    }

    /// Light or dark.
    pub fn prefer(&mut self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
    }

    /// The value of an expression of the page's.
    pub fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is no text: {value}")).to_owned()
    }

    /// Waits until an expression holds; how long that took.
    pub fn until(&mut self, expression: &str) -> Duration {
        let started = Instant::now();
        while self.value(expression) != true {
            if started.elapsed() > Duration::from_secs(20) {
                let page = self.text("document.body.innerText");
                panic!("{expression} does not hold on the page:\n{page}\n{:?}", self.complaints);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        started.elapsed()
    }

    /// Types a text where the focus is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Presses a key, by its name and its place on the keyboard, with Alt (1), Ctrl (2) or none (0).
    pub fn press(&mut self, key: &str, code: &str, modifiers: u8) {
        let number = match key {
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            "Enter" => 13,
            "Tab" => 9,
            "Home" => 36,
            "End" => 35,
            other => other.to_ascii_uppercase().bytes().next().map_or(0, u32::from),
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": code, "modifiers": modifiers, "windowsVirtualKeyCode": number });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.clone().into();
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser has ended before it answered {method}");
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if let Some("Runtime.exceptionThrown" | "Log.entryAdded") = answer["method"].as_str() {
                self.complaints.push(answer["params"].to_string());
            }
            if answer["id"] == self.last {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let ended = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            matches!(self.process.try_wait(), Ok(Some(_)))
        });
        if !ended {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
        // Its last processes may still write there.
        let _ = std::fs::remove_dir_all(self.profile.path());
    }
}

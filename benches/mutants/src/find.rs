//! The mutants of a source file: places that can be written otherwise, and what stands there then.
//!
//! A site is an expression; its arms are the wrong forms of it. Tests, constants, `const fn`, patterns, types and the inside of
//! macros have none: a mutant is chosen at run time, and there no choice can stand.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use std::collections::BTreeMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, Lit, UnOp};

/// One wrong form of one expression.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mutant {
    pub file: String,
    /// The function that it stands in, after its type.
    pub place: String,
    pub original: String,
    pub mutated: String,
    /// Which of several that are otherwise the same, from 0.
    pub repeat: usize,
    pub line: usize,
    /// The bytes of the file that hold the expression.
    pub range: (usize, usize),
}

/// Everything in a file that can be written otherwise, in the order of the text.
pub fn mutants(file: &str, source: &str) -> Vec<Mutant> {
    let parsed = syn::parse_file(source).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut finder = Finder { place: Vec::new(), found: BTreeMap::new() };
    finder.visit_file(&parsed);
    let mut seen = BTreeMap::new();
    let mut mutants = Vec::new();
    for (range, site) in finder.found {
        for mutated in site.arms {
            let key = (site.place.clone(), site.original.clone(), mutated.clone());
            let repeat = *seen.entry(key).and_modify(|n| *n += 1).or_insert(0);
            mutants.push(Mutant {
                file: file.into(),
                place: site.place.clone(),
                original: site.original.clone(),
                mutated,
                repeat,
                line: site.line,
                range,
            });
        }
    }
    mutants
}

struct Site {
    place: String,
    original: String,
    line: usize,
    arms: Vec<String>,
}

struct Finder {
    place: Vec<String>,
    found: BTreeMap<(usize, usize), Site>,
}

impl Finder {
    fn add(&mut self, expr: &Expr, mutated: TokenStream) {
        let Range { start, end } = expr.span().byte_range();
        let site = self.found.entry((start, end)).or_insert_with(|| Site {
            place: self.place.join("::"),
            original: expr.to_token_stream().to_string(),
            line: expr.span().start().line,
            arms: Vec::new(),
        });
        let mutated = mutated.to_string();
        if mutated != site.original && !site.arms.contains(&mutated) {
            site.arms.push(mutated);
        }
    }

    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.place.push(name);
        visit(self);
        self.place.pop();
    }

    fn condition(&mut self, condition: &Expr) {
        if !holds_let(condition) {
            self.add(condition, quote!(!(#condition)));
        }
    }

    fn swapped(&mut self, expr: &Expr, args: &syn::punctuated::Punctuated<Expr, syn::Token![,]>) {
        for i in 1..args.len() {
            let mut swapped: Vec<&Expr> = args.iter().collect();
            swapped.swap(i - 1, i);
            let mutated = match expr {
                Expr::Call(call) => {
                    let func = &call.func;
                    quote!(#func(#(#swapped),*))
                }
                Expr::MethodCall(call) => {
                    let (receiver, method, turbofish) = (&call.receiver, &call.method, &call.turbofish);
                    quote!(#receiver.#method #turbofish(#(#swapped),*))
                }
                _ => unreachable!("only calls have arguments"),
            };
            self.add(expr, mutated);
        }
    }
}

/// Whether `let` stands in a chain of conditions: such a chain cannot be moved.
fn holds_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => holds_let(&binary.left) || holds_let(&binary.right),
        Expr::Paren(paren) => holds_let(&paren.expr),
        _ => false,
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("test") || a.to_token_stream().to_string().contains("cfg (test)"))
}

impl<'a> Visit<'a> for Finder {
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}
    fn visit_expr_const(&mut self, _: &'a syn::ExprConst) {}
    fn visit_impl_item_const(&mut self, _: &'a syn::ImplItemConst) {}
    fn visit_item_const(&mut self, _: &'a syn::ItemConst) {}
    fn visit_item_enum(&mut self, _: &'a syn::ItemEnum) {}
    fn visit_item_static(&mut self, _: &'a syn::ItemStatic) {}
    fn visit_macro(&mut self, _: &'a syn::Macro) {}
    fn visit_pat(&mut self, _: &'a syn::Pat) {}
    fn visit_path(&mut self, _: &'a syn::Path) {}
    fn visit_trait_item_const(&mut self, _: &'a syn::TraitItemConst) {}
    fn visit_type(&mut self, _: &'a syn::Type) {}
    fn visit_generics(&mut self, _: &'a syn::Generics) {}

    fn visit_expr_repeat(&mut self, repeat: &'a syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
    }
    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        if item.sig.constness.is_none() && !is_test(&item.attrs) {
            self.within(item.sig.ident.to_string(), |f| visit::visit_item_fn(f, item));
        }
    }
    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        let mut name = item.self_ty.to_token_stream().to_string();
        if let Some((_, path, _)) = &item.trait_ {
            name = format!("{name} as {}", path.segments.last().expect("a trait has a name").ident);
        }
        self.within(name, |f| visit::visit_item_impl(f, item));
    }
    fn visit_item_trait(&mut self, item: &'a syn::ItemTrait) {
        self.within(item.ident.to_string(), |f| visit::visit_item_trait(f, item));
    }
    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        if item.sig.constness.is_none() && !is_test(&item.attrs) {
            self.within(item.sig.ident.to_string(), |f| visit::visit_impl_item_fn(f, item));
        }
    }
    fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
        self.within(item.sig.ident.to_string(), |f| visit::visit_trait_item_fn(f, item));
    }
    fn visit_expr_if(&mut self, expr: &'a syn::ExprIf) {
        self.condition(&expr.cond);
        visit::visit_expr_if(self, expr);
    }
    fn visit_expr_while(&mut self, expr: &'a syn::ExprWhile) {
        self.condition(&expr.cond);
        visit::visit_expr_while(self, expr);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Binary(binary) if !holds_let(expr) => {
                let (left, right) = (&binary.left, &binary.right);
                for op in others(&binary.op) {
                    self.add(expr, quote!(#left #op #right));
                }
                if matches!(binary.op, BinOp::Sub(_) | BinOp::Div(_)) {
                    let op = &binary.op;
                    self.add(expr, quote!(#right #op #left));
                }
            }
            Expr::Unary(unary) if !matches!(unary.op, UnOp::Deref(_)) => {
                let inner = &unary.expr;
                self.add(expr, quote!(#inner));
            }
            Expr::Lit(literal) => match &literal.lit {
                Lit::Bool(b) => {
                    let other = !b.value;
                    self.add(expr, quote!(#other));
                }
                Lit::Float(x) if x.base10_parse::<f64>().is_ok_and(|x| x == 0.0) => self.add(expr, quote!(1.0)),
                Lit::Float(x) => self.add(expr, quote!((#x * 1.1))),
                Lit::Int(n) => {
                    self.add(expr, quote!((#n + 1)));
                    if n.base10_digits() != "0" {
                        self.add(expr, quote!((#n - 1)));
                    }
                }
                _ => {}
            },
            Expr::Call(call) => self.swapped(expr, &call.args),
            Expr::MethodCall(call) => {
                self.swapped(expr, &call.args);
                if let Some(other) = other_method(&call.method.to_string()) {
                    let method = syn::Ident::new(other, call.method.span());
                    let (receiver, turbofish, args) = (&call.receiver, &call.turbofish, &call.args);
                    self.add(expr, quote!(#receiver.#method #turbofish(#args)));
                }
            }
            _ => {}
        }
        visit::visit_expr(self, expr);
    }
}

fn others(op: &BinOp) -> Vec<TokenStream> {
    match op {
        BinOp::Add(_) => vec![quote!(-)],
        BinOp::Sub(_) => vec![quote!(+)],
        BinOp::Mul(_) => vec![quote!(/)],
        BinOp::Div(_) => vec![quote!(*)],
        BinOp::Rem(_) => vec![quote!(*)],
        BinOp::And(_) => vec![quote!(||)],
        BinOp::Or(_) => vec![quote!(&&)],
        BinOp::Lt(_) => vec![quote!(<=), quote!(>)],
        BinOp::Le(_) => vec![quote!(<), quote!(>)],
        BinOp::Gt(_) => vec![quote!(>=), quote!(<)],
        BinOp::Ge(_) => vec![quote!(>), quote!(<)],
        BinOp::Eq(_) => vec![quote!(!=)],
        BinOp::Ne(_) => vec![quote!(==)],
        BinOp::BitAnd(_) => vec![quote!(|)],
        BinOp::BitOr(_) => vec![quote!(&)],
        BinOp::AddAssign(_) => vec![quote!(-=)],
        BinOp::SubAssign(_) => vec![quote!(+=)],
        BinOp::MulAssign(_) => vec![quote!(/=)],
        BinOp::DivAssign(_) => vec![quote!(*=)],
        _ => Vec::new(),
    }
}

/// A method that a tired hand might have written instead.
fn other_method(name: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 22] = [
        ("sin", "cos"),
        ("sinh", "cosh"),
        ("asin", "acos"),
        ("asinh", "acosh"),
        ("tan", "tanh"),
        ("atan", "atanh"),
        ("exp", "expm1"),
        ("ln", "log1p"),
        ("erf", "erfc"),
        ("lgamma", "digamma"),
        ("sqrt", "square"),
        ("rsqrt", "reciprocal"),
        ("sigmoid", "softplus"),
        ("floor", "ceil"),
        ("max", "min"),
        ("maximum", "minimum"),
        ("less", "greater"),
        ("less_equal", "greater_equal"),
        ("add", "sub"),
        ("mul", "div"),
        ("any", "all"),
        ("is_some", "is_none"),
    ];
    PAIRS.iter().find_map(|&(a, b)| if name == a { Some(b) } else { (name == b).then_some(a) })
}

"""Writes torch.safetensors beside this file: a small network of PyTorch's, trained a little, and prints what it says.

Run with torch 2.15.0 and safetensors 0.8.0.
"""

import os

import torch
from safetensors.torch import save_file
from torch import nn


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 3)
        self.fc1 = nn.Linear(6, 6)
        self.bn = nn.BatchNorm1d(6)
        self.fc2 = nn.Linear(6, 6)
        self.norm = nn.LayerNorm(6)
        self.fc3 = nn.Linear(6, 2)

    def forward(self, x):
        x = self.embedding(x).flatten(1)
        x = torch.relu(self.bn(self.fc1(x)))
        return self.fc3(self.norm(torch.tanh(self.fc2(x))))


torch.manual_seed(7)
network = Network()
optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
x = torch.randint(0, 5, (64, 2))
y = (x.sum(1) % 2).long()
for _ in range(20):
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(x), y).backward()
    optimizer.step()
network.eval()
save_file(network.state_dict(), os.path.join(os.path.dirname(__file__), "torch.safetensors"))
with torch.no_grad():
    print(network(torch.tensor([[0, 1], [2, 3], [4, 4]])).tolist())

"""One GPT of nanoGPT's kind in PyTorch eager mode; one optimiser step per line read from standard input.

usage: torch_training.py LAYERS WIDTH HEADS LENGTH BATCH VOCABULARY fp32|bf16 THREADS
Prints "ready VERSION" after a warm-up step, then for each line read the seconds of one full step.
"""
import sys
import time

try:
    import torch
except ImportError:
    print("absent", flush=True)
    sys.exit(0)

import torch.nn as nn
import torch.nn.functional as F

LAYERS, WIDTH, HEADS, LENGTH, BATCH, VOCABULARY = map(int, sys.argv[1:7])
BF16 = sys.argv[7] == "bf16"
torch.set_num_threads(int(sys.argv[8]))
torch.manual_seed(1)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(LENGTH, LENGTH)).view(1, 1, LENGTH, LENGTH) == 0)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = (part.view(b, t, HEADS, d // HEADS).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(d, 2))
        scores = (q @ k.transpose(-2, -1)) * (d // HEADS) ** -0.5
        shares = F.softmax(scores.masked_fill(self.mask[:, :, :t, :t], float("-inf")), dim=-1)
        x = x + self.out((shares @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(LENGTH, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))


model = Model()
optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1)
ids = torch.randint(0, VOCABULARY, (BATCH, LENGTH))
targets = torch.randint(0, VOCABULARY, (BATCH, LENGTH))


def step():
    began = time.perf_counter()
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=BF16):
        loss = model(ids, targets)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return time.perf_counter() - began


step()
print("ready", torch.__version__, flush=True)
for line in sys.stdin:
    print(sum(step() for _ in range(int(line))), flush=True)

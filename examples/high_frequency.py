"""A network that lives on what people cannot see: trained and tested on images from which everything but the finest detail is removed.

It needs CIFAR-10 as two archives of JPEG files, a folder for each class: `python examples/high_frequency.py train.tar.xz test.tar.xz`. The
measured accuracies are drawn below a photograph that comes with scikit-learn, filtered in the same way; no image of CIFAR-10 is shown.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_sample_image
from torch import Tensor, nn

import shiftproof as sp
from shiftproof.data.space import InputSpace
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.shifts import HighPass
from shiftproof.shifts.identity import Identity

SPACE = InputSpace(kind="image")
BATCH = 100
INK, QUIET = (20, 20, 20), (110, 110, 110)


@dataclass(frozen=True)
class Score:
    """What a network trained on some images gets right on others."""

    trained_on: str
    tested_on: str
    right: int
    n: int

    @property
    def words(self) -> str:
        """The accuracy with its exact interval."""
        low, high = clopper_pearson(self.right, self.n).one()
        return f"{self.right / self.n:.1%} ({100 * low:.1f} to {high:.1%})"


def images(archive: Path, each: int) -> tuple[Tensor, Tensor]:
    """The first so many images of each class, in [0, 1], shape (n, 3, 32, 32), and their labels."""
    found: dict[str, list[np.ndarray]] = {}
    with tarfile.open(archive) as files:
        for member in files:
            kind = Path(member.name).parent.name
            if not member.isfile() or len(found.setdefault(kind, [])) >= each:
                continue
            file = files.extractfile(member)
            if file is not None:
                found[kind].append(np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB")))
    kinds = sorted(kind for kind, pictures in found.items() if pictures)
    x = torch.from_numpy(np.stack([picture for kind in kinds for picture in found[kind]])).permute(0, 3, 1, 2).float() / 255
    y = torch.tensor([place for place, kind in enumerate(kinds) for _ in found[kind]])
    return x, y


def filtered(shift: HighPass, x: Tensor) -> Tensor:
    """What the filter leaves of each image, around mid-grey."""
    shift = shift.within(SPACE)
    return torch.cat([shift.apply(part, shift.origin(part)) for part in torch.split(x, 500)])


class Standard(nn.Module):
    """Takes the mean from each image and divides by the spread of the training images: what is faint becomes plain to the network."""

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.mean, self.spread = x.mean(), x.std()

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.spread


def network(x: Tensor) -> nn.Sequential:
    """Three convolutions and a linear layer."""

    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(
        Standard(x), *block(3, 32), *block(32, 64), *block(64, 128), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 10)
    )


def trained(x: Tensor, y: Tensor, *, epochs: int, note: str) -> nn.Module:
    """A network trained on these images, flipped at random."""
    torch.manual_seed(0)
    net = network(x)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.05, total_steps=epochs * -(-len(x) // BATCH))
    for epoch in range(epochs):
        began, total = time.perf_counter(), 0.0
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            batch = torch.where(torch.rand(len(rows), 1, 1, 1) < 0.5, x[rows], x[rows].flip(3))
            loss = nn.functional.cross_entropy(net(batch), y[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
        print(f"{note}: epoch {epoch + 1}, loss {total / len(x):.3f}, {time.perf_counter() - began:.0f} s", flush=True)
    return net.eval()


def tested(net: nn.Module, x: Tensor, y: Tensor, trained_on: str, tested_on: str) -> Score:
    """How many of the images it gets right."""
    examples = sp.examples(x, y, kind="image")
    found = sp.confront(sp.as_model(net, name=trained_on), Identity(), search=sp.OneDraw(), examples=examples)
    score = Score(trained_on, tested_on, int(found.correct.sum()), len(y))
    print(f"trained on {trained_on}, tested on {tested_on}: {score.words}", flush=True)
    return score


def picture(shift: HighPass, scores: list[Score], out: Path) -> None:
    """The photograph as it is, what the filter leaves of it, and that made plain, above the accuracies."""
    side, gap = 224, 16
    photo = Image.fromarray(load_sample_image("flower.jpg")[60:380, 140:460]).resize((64, 64), Image.Resampling.BOX)
    x = torch.from_numpy(np.asarray(photo).copy()).permute(2, 0, 1)[None].float() / 255
    left = filtered(shift, x)
    plain = (0.5 + (left - 0.5) * (0.2 / left.std())).clamp(0, 1)
    sheet = Image.new("RGB", (3 * side + 4 * gap, side + 90 + 26 * len(scores)), "white")
    draw = ImageDraw.Draw(sheet)
    small, large = (ImageFont.load_default(size) for size in (13, 15))
    titles = ("A photograph", f"What {shift.spec()} leaves", "The same, contrast raised")
    for place, (title, image) in enumerate(zip(titles, (x, left, plain), strict=True)):
        pixels = (image[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        at = gap + place * (side + gap)
        sheet.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (at, 32))
        draw.text((at, 10), title, fill=INK, font=small)
    top = side + 50
    draw.text((gap, top), "CIFAR-10 images, filtered in the same way: test accuracy (chance is 10%)", fill=INK, font=large)
    for row, score in enumerate(scores):
        y = top + 28 + 26 * row
        draw.text((gap, y), f"trained on {score.trained_on}, tested on {score.tested_on}", fill=QUIET, font=small)
        start, width = 330, 190
        draw.rectangle((start, y + 2, start + width, y + 15), fill=(235, 235, 240))
        draw.rectangle((start, y + 2, start + round(width * score.right / score.n), y + 15), fill=(63, 81, 181))
        draw.line((start + 0.1 * width, y, start + 0.1 * width, y + 17), fill=(200, 60, 60), width=2)
        draw.text((start + width + 8, y), score.words, fill=INK, font=small)
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out, optimize=True)


def main() -> None:
    """Trains on filtered and on whole images, tests both on both, and draws what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="archive of training images, a folder for each class")
    parser.add_argument("test", type=Path, help="archive of test images")
    parser.add_argument("--radius", type=float, default=0.5, help="frequencies below this share of the Nyquist frequency are removed")
    parser.add_argument("--each", type=int, default=1000, help="training images of each class")
    parser.add_argument("--each-test", type=int, default=200, help="test images of each class")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("high-frequency.png"))
    options = parser.parse_args()
    shift = HighPass(options.radius)
    (x, y), (x_test, y_test) = images(options.train, options.each), images(options.test, options.each_test)
    fine, fine_test = filtered(shift, x), filtered(shift, x_test)
    print(f"{len(x)} training images; the filtered ones spread {fine.std():.4f} around mid-grey, the whole ones {x.std():.4f}", flush=True)
    scores: list[Score] = []
    for name, images_of in (("fine detail", fine), ("whole images", x)):
        net = trained(images_of, y, epochs=options.epochs, note=name)
        scores += [tested(net, fine_test, y_test, name, "fine detail"), tested(net, x_test, y_test, name, "whole images")]
    picture(shift, scores, options.out)
    print(f"Picture: {options.out}")


if __name__ == "__main__":
    main()

"""Pictures in folders: classes, sizes, modes, and pictures that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from shiftproof import UsageError, load_data


def picture(path: Path, *, seed: int = 0, size: tuple[int, int] = (5, 4), mode: str = "RGB") -> Image.Image:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))
    image.save(path)
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    picture(root / "dog" / "b.png", seed=1)
    picture(root / "dog" / "deep" / "a.PNG", seed=2)
    picture(root / "cat" / "z.png", seed=3)
    return root


def test_classes_labels_ids_and_levels(folder: Path) -> None:
    source = load_data(f"imagefolder:{folder}")
    assert source.class_names == ("cat", "dog")
    assert source.ids.tolist() == ["cat/z.png", "dog/b.png", "dog/deep/a.PNG"]
    assert source.y.tolist() == [0, 1, 1]
    batch = source.take(slice(None))
    with Image.open(folder / "dog" / "b.png") as image:
        expected = np.asarray(image).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert tuple(batch.x.shape) == (3, 3, 4, 5)
    assert np.array_equal(batch.x[1].numpy(), expected)
    assert torch.equal(source.take(np.array([2, 1])).x, batch.x[[2, 1]])
    assert source.notes == ("Pictures are read as RGB; levels 0 to 255 are mapped onto the box [0, 1].",)


def test_grey_and_resized(folder: Path) -> None:
    picture(folder / "cat" / "large.png", size=(9, 9))
    source = load_data(f"imagefolder:{folder}?size=6&mode=L")
    assert tuple(source.take(slice(None)).x.shape) == (4, 1, 6, 6)
    with Image.open(folder / "cat" / "large.png") as image:
        expected = np.asarray(image.convert("L").resize((6, 6), Image.Resampling.BILINEAR))
    assert np.array_equal((source.take(slice(0, 1)).x[0, 0] * 255).round().numpy(), expected)
    assert "Pictures are resized to 6 x 6 (bilinear)." in source.notes
    assert load_data(f"imagefolder:{folder}?size=5").fingerprint() != source.fingerprint()


@pytest.mark.parametrize(("mode", "channels"), [("RGB", 3), ("L", 1)])
def test_every_usual_mode_of_pillow_is_read(tmp_path: Path, mode: str, channels: int) -> None:
    for kind in ("1", "L", "LA", "P", "RGB", "RGBA"):
        (tmp_path / "c").mkdir(exist_ok=True)
        Image.new(kind, (3, 2), 1).save(tmp_path / "c" / f"{kind}.png")
    assert tuple(load_data(f"imagefolder:{tmp_path}?mode={mode}").take(slice(None)).x.shape) == (6, channels, 2, 3)


def test_pictures_are_opened_when_needed(folder: Path) -> None:
    (folder / "dog" / "c.png").write_text("not a picture")
    source = load_data(f"imagefolder:{folder}")
    assert len(source.take(np.array([0, 1]))) == 2
    with pytest.raises(UsageError, match=r"Cannot read the image '.*c.png' \(UnidentifiedImageError: .*Replace it or remove it"):
        source.take(slice(None))


def test_a_picture_that_is_cut_off(folder: Path) -> None:
    path = folder / "cat" / "z.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UsageError, match="Cannot read the image '.*z.png'"):
        load_data(f"imagefolder:{folder}").take(slice(0, 1))


def test_sizes_that_differ_even_in_another_batch(folder: Path) -> None:
    picture(folder / "dog" / "c.png", size=(9, 7))
    source = load_data(f"imagefolder:{folder}")
    with pytest.raises(UsageError, match=r"Images differ in size: '.*z.png' is 5x4 and '.*c.png' is 9x7. .* such as .size=32"):
        source.take(slice(2, 3))


def test_deep_pixels_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    Image.fromarray(np.full((2, 2), 40000, dtype=np.uint16)).save(tmp_path / "c" / "deep.png")
    with pytest.raises(UsageError, match=r"deep.png' has more than 8 bits a pixel \(Pillow's mode I(;16)?\). Convert it to 8 bits"):
        load_data(f"imagefolder:{tmp_path}").take(slice(None))


def test_other_files_are_counted_and_hidden_folders_ignored(folder: Path) -> None:
    (folder / "cat" / "notes.txt").write_text("hello")
    (folder / ".hidden").mkdir()
    source = load_data(f"imagefolder:{folder}")
    assert source.class_names == ("cat", "dog")
    assert source.notes[-1] == "1 files that are not pictures by their name were left out."


def test_an_empty_class_keeps_its_place(folder: Path) -> None:
    (folder / "ant").mkdir()
    source = load_data(f"imagefolder:{folder}")
    assert (source.class_names, source.y.tolist()) == (("ant", "cat", "dog"), [1, 2, 2])
    assert source.notes[-1] == "1 of 3 classes have no picture."


def test_a_list_of_classes_gives_the_models_order(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "classes.txt"
    listed.write_text("dog\nbird\ncat\n")
    source = load_data(f"imagefolder:{folder}?classes={listed}")
    assert source.class_names == ("dog", "bird", "cat")
    assert source.y.tolist() == [2, 0, 0]
    before = source.fingerprint()
    listed.write_text("bird\ndog\ncat\n")
    assert load_data(f"imagefolder:{folder}?classes={listed}").fingerprint() != before
    listed.write_text("dog\n")
    with pytest.raises(UsageError, match="The folder '.*cat' is not in the list of classes '.*classes.txt'. Add its name or move it away"):
        load_data(f"imagefolder:{folder}?classes={listed}")
    listed.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UsageError, match="Write one class name per line, as UTF-8 text"):
        load_data(f"imagefolder:{folder}?classes={listed}")


def test_fingerprint_is_of_paths_and_contents(folder: Path) -> None:
    before = load_data(f"imagefolder:{folder}").fingerprint()
    moved = folder.rename(folder.parent / "elsewhere")
    assert load_data(f"imagefolder:{moved}").fingerprint() == before
    picture(moved / "cat" / "new.png")
    assert load_data(f"imagefolder:{moved}").fingerprint() != before


def test_places_that_hold_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no folders of classes. Put the pictures of each class in a folder of its own"):
        load_data(f"imagefolder:{tmp_path}")
    (tmp_path / "c").mkdir()
    with pytest.raises(UsageError, match=r"The folders in '.*' hold no pictures \(.bmp, .gif"):
        len(load_data(f"imagefolder:{tmp_path}"))
    with pytest.raises(UsageError, match="The 'size' of .* must be a whole number from 1 on, got '0'"):
        load_data(f"imagefolder:{tmp_path}?size=0")
    with pytest.raises(UsageError, match="The 'mode' of .* must be RGB or L, got 'CMYK'"):
        load_data(f"imagefolder:{tmp_path}?mode=CMYK")

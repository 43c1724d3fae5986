"""From MNIST's digits to a model: two steps. The trial under three threat models and the release follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial import Codec, Files, StoredFiles, Table, Trained, step

if TYPE_CHECKING:
    import pyarrow as pa


@step(inputs={"raw": Files("raw/mnist/*.csv.gz")}, outputs=("train", "validation", "test", "codec"))
def images(raw: StoredFiles, *, seed: int = 7) -> dict[str, pa.Table | Codec]:
    """The images, split; a pixel a column, 0 to 1."""
    from mnist import codec, split

    (key,) = raw.keys
    return {**split(raw.read(key), seed=seed), "codec": codec()}


@step(
    inputs={"train": "images.train", "validation": "images.validation", "codec": "images.codec"},
    libraries=("torch",),
)
def model(
    train: Table, validation: Table, codec: Codec, *, epochs: int = 30, seed: int = 7, robust: bool = False
) -> Trained:
    """Trains an MLP; with `robust`, so that the worst image within the threat is answered as the image itself is."""
    from training import network
    from training import train as fit

    fitted = fit(train.to_arrow(), validation.to_arrow(), codec, epochs=epochs, seed=seed, robust=robust)
    return Trained(
        fitted,
        codec,
        classes=tuple(str(digit) for digit in range(10)),
        factory=network,  # the trial rebuilds the module with it, for its gradients
        arguments={"width": codec.width},
    )

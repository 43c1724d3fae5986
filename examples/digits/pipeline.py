"""From scanned digits to a model: two steps. The trial, attacks included, and the release follow by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seatrial import Codec, Table, Trained, step

if TYPE_CHECKING:
    import pyarrow as pa


@step(outputs=("train", "validation", "test", "codec"), libraries=("scikit-learn",))
def images(*, seed: int = 7) -> dict[str, pa.Table | Codec]:
    """The digits that scikit-learn ships, split; a pixel a column, 0 to 1."""
    from digits import codec, split

    return {**split(seed=seed), "codec": codec()}


@step(
    inputs={"train": "images.train", "validation": "images.validation", "codec": "images.codec"},
    libraries=("torch",),
)
def model(
    train: Table, validation: Table, codec: Codec, *, epochs: int = 100, seed: int = 7, robust: bool = False
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

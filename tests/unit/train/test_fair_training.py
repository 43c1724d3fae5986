import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seatrial.errors import InputError
from seatrial.train.fair import fairness_penalty, rate_gaps, reweighing

pytestmark = pytest.mark.simulation


@given(seed=st.integers(0, 2**32 - 1))
def test_weights_make_group_and_label_independent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, labels = rng.integers(0, 3, 200), rng.integers(0, 2, 200)
    weights = reweighing(groups, labels)
    total = weights.sum()
    for group in np.unique(groups):
        for label in np.unique(labels):
            here = (groups == group) & (labels == label)
            if here.any() and all(((groups == g) & (labels == label)).any() for g in np.unique(groups)):
                share = weights[groups == group].sum() / total * weights[labels == label].sum() / total
                assert weights[here].sum() / total == pytest.approx(share, abs=0.02)


def test_a_label_that_a_group_never_has_leaves_the_others_their_weights() -> None:
    assert reweighing(["a", "a", "b", "b"], [1, 0, 0, 0]).tolist() == [0.5, 1.5, 0.75, 0.75]


def test_groups_and_labels_of_different_length_are_a_mistake() -> None:
    with pytest.raises(InputError, match="each of 2 labels, got 3"):
        reweighing([1, 2, 3], [0, 1])


def test_gaps_are_those_of_hard_decisions_where_the_selection_is_hard() -> None:
    rng = np.random.default_rng(1)
    selected, group, positive = rng.random(300) < 0.4, rng.integers(0, 3, 300), rng.random(300) < 0.5
    members = [torch.from_numpy(group == g) for g in range(3)]
    found = rate_gaps(
        torch.from_numpy(selected.astype(float)), members, torch.from_numpy(positive), rate="true_positive_rate"
    )
    rates = [selected[(group == g) & positive].mean() for g in range(3)]
    assert found.tolist() == pytest.approx([rates[0] - rates[1], rates[0] - rates[2], rates[1] - rates[2]])


def test_a_group_without_such_rows_takes_no_part() -> None:
    members = [torch.tensor([True, False]), torch.tensor([False, True])]
    gaps = rate_gaps(torch.tensor([0.2, 0.9]), members, torch.tensor([True, False]), rate="true_positive_rate")
    assert gaps.tolist() == []


def test_descending_the_penalty_closes_the_gaps() -> None:
    torch.manual_seed(1)
    group = torch.arange(400) % 2 == 0
    positive = torch.rand(400) < 0.5
    logits = torch.where(group, 1.0, -1.0).clone().requires_grad_()
    before = float(fairness_penalty(logits.detach(), [group, ~group], positive))
    optimiser = torch.optim.SGD([logits], lr=50.0)
    for _ in range(200):
        optimiser.zero_grad()
        fairness_penalty(logits, [group, ~group], positive).backward()
        optimiser.step()
    assert float(fairness_penalty(logits.detach(), [group, ~group], positive)) < before / 100

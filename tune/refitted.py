"""A winner whose LSTMs were trained on other rows: what it is put together from, and where it is kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from model.calibration import fit_temperature
from model.trained import Trained, Weights
from tune.inputs import Inputs
from tune.winner import Winner, clear_damaged, encoded

if TYPE_CHECKING:
    from model.classifier import Classifier
    from model.ensemble import Ensemble

SUFFIX = "-refit"
"""What the folder of the refitted classifier has behind the original's name."""


def place(base: Path, trained: int, members: int) -> Path:
    """Returns where so many of the winner's members are kept, refitted; what has more of them replaces nothing."""
    part = "" if trained == members else f"-{trained}-of-{members}"
    return base.with_name(f"{base.name}{SUFFIX}{part}")


def made_before(base: Path, winner: Winner) -> Classifier | Ensemble | None:
    """Reads the most that an earlier run of the search has refitted of the winner; None if there is nothing."""
    from model.ensemble import load_classifier

    members = len(winner.trials)
    for trained in range(members, 0, -1):
        path = place(base, trained, members)
        clear_damaged(path)
        if path.exists():
            return cast("Classifier | Ensemble", load_classifier(path))
    return None


def weights_of(classifier: Classifier | Ensemble, winner: Winner) -> dict[str, Weights]:
    """Returns the LSTMs' weights of a refitted classifier, by the names of the trials that they are of."""
    from model.ensemble import Ensemble

    if isinstance(classifier, Ensemble):
        return {name: member.trained.weights for name, member in classifier.members.items()}
    return dict.fromkeys(winner.trials, classifier.trained.weights)


def by_weight(winner: Winner) -> list[str]:
    """Returns the names of what the winner is made of, those that weigh more first."""
    from model.ensemble import Ensemble

    if isinstance(classifier := winner.classifier, Ensemble):
        return sorted(winner.trials, key=lambda name: -classifier.weights[name])
    return list(winner.trials)


def part_of(winner: Winner, names: Collection[str], inputs: Inputs) -> Classifier | Ensemble:
    """Returns the winner; an ensemble without the members that are not named, and with the temperature of what is left.

    Args:
        winner: Which.
        names: Of its trials.
        inputs: That the winner was chosen with.
    """
    from model.ensemble import Ensemble

    whole = winner.classifier
    if not isinstance(whole, Ensemble) or len(names) == len(whole.members):
        return whole
    total = sum(whole.weights[name] for name in names)
    weights = {name: weight / total for name, weight in whole.weights.items() if name in names}
    part = replace(whole, members={name: whole.members[name] for name in weights}, weights=weights)
    rows = inputs.dataset.split.validation
    return part.at_temperature(fit_temperature(inputs.dataset.labels[rows], part.uncalibrated(encoded(inputs), rows)))


def rebuild(old: Classifier | Ensemble, inputs: Inputs, weights: dict[str, Weights]) -> Classifier | Ensemble:
    """Puts weights trained on other rows into a classifier, beside what those rows gave.

    Args:
        old: Whose mixtures, ensemble weights and temperature stay.
        inputs: With the vocabulary and the wide branch of the other rows.
        weights: Of each LSTM, by the names of trials.
    """
    from model.ensemble import Ensemble

    def renew(name: str, old: Classifier) -> Classifier:
        trained = Trained(weights[name], old.trained.mixture)
        wide = inputs.wide if old.hparams.wide else None
        return replace(old, trained=trained, vocabulary=inputs.vocabulary, wide=wide, metrics={})

    if isinstance(old, Ensemble):
        return replace(old, members={name: renew(name, member) for name, member in old.members.items()})
    (name,) = weights
    return renew(name, old)

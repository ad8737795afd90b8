"""All audits of one solution, with programs and pictures that all solutions share."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from cu_jax import preemption
from cu_jax.audits.distance import distance
from cu_jax.audits.membership import Membership, membership, membership_gap
from cu_jax.audits.probe import Features, ridge_probe
from cu_jax.audits.relearning import Training, relearn
from cu_jax.audits.restored import Restorer, Sample, mean_psnr, sample, spread_evenly
from cu_jax.data import SETS, Data
from cu_jax.holes import parse_holes
from cu_jax.logs import Progress
from cu_jax.models import Model, Params
from cu_jax.results import RETRAIN, Audit

_RESTORED = ("forget/train", "forget/validation", "retain/validation")

_Looks = dict[str, np.ndarray]


class Auditor:
    """Audits solutions of one run; nothing is compiled before the first.

    Args:
        model: the run's model.
        config: its settings: ``audit`` and ``evaluation``.
        data: both sets.
        original: parameters of the original model, whose PSNR relearning aims at.
        retrain: parameters of the model that was pretrained on the retain set alone, or None.
        seed: of batches, corruptions and sampling.
    """

    def __init__(
        self,
        model: Model,
        config: ConfigDict,
        data: Data,
        original: Params,
        retrain: Params | None,
        seed: int,
    ) -> None:
        self._config = config.audit
        self._samples = {
            f"{name}/{split}": sample(data, name, split, config.audit.pictures)
            for name in SETS
            for split in ("train", "validation")
        }
        hole = parse_holes(config.evaluation.holes, model.image_shape[0], model.patch_size)[0]
        most = max(len(one.number) for one in self._samples.values())
        batch_size = min(config.evaluation.batch_size, most)
        self._restore = Restorer(model, hole, batch_size, seed)
        self._features = Features(model, batch_size, seed)
        settings = config.audit.relearning
        self._training = Training(model, settings, self._samples["forget/train"].image, seed)
        self._looked_at = self._samples["forget/validation"].some(settings.pictures)
        self._original, self._retrain = original, retrain
        self._target: float | None = None
        self._reference: tuple[_Looks, Membership] | None = None

    def audit(self, name: str, params: Params, yardstick: Audit | None, title: str) -> Audit:
        """Audits a solution.

        Args:
            name: of the solution.
            params: the whole model's parameters.
            yardstick: the audit of `retrain`; None for `retrain` itself, or without one.
            title: what the line of progress begins with.

        Returns:
            The audit.
        """
        began = time.perf_counter()
        settings = self._config.relearning
        seen, total = 0, sum(len(self._samples[key].number) for key in _RESTORED)
        with Progress(title, total + settings.updates * settings.batch_size, unit="pictures") as p:

            def done(count: int, numbers: dict[str, float] | None = None) -> None:
                nonlocal seen
                seen += count
                p.update(seen, numbers)
                preemption.check()

            looks = self._looks(params, done)
            probes = {kind: self._probe(params, kind) for kind in SETS}
            member = self._membership(looks)
            found = Audit(
                name=name,
                probe_retain=probes["retain"],
                probe_forget=probes["forget"],
                membership_auc=member.auc,
                membership_error=member.error,
                **self._compared(looks, member),
                **self._relearned(params, looks["forget/validation"], done),
            )
        share = _share(found, found if name == RETRAIN else yardstick)
        seconds = time.perf_counter() - began
        return dataclasses.replace(found, relearning_share=share, seconds=round(seconds, 2))

    def _looks(self, params: Params, done: Callable[[int], None] = lambda count: None) -> _Looks:
        """The removed pixels of all pictures as restored."""
        return {key: self._restore(params, self._samples[key], done) for key in _RESTORED}

    def _errors(self, looks: _Looks, key: str) -> np.ndarray:
        return self._restore.errors(looks[key], self._samples[key])

    def _membership(self, looks: _Looks) -> Membership:
        return membership(
            self._errors(looks, "forget/train"), self._errors(looks, "forget/validation")
        )

    def _probe(self, params: Params, kind: str) -> float | None:
        train, validation = (self._samples[f"{kind}/{split}"] for split in ("train", "validation"))
        if len(np.unique(train.label)) < 2:
            return None
        features = [self._features(params, one.image) for one in (train, validation)]
        return ridge_probe(features[0], train.label, features[1], validation.label)

    def _compared(self, looks: _Looks, member: Membership) -> dict[str, Any]:
        """What is measured against `retrain`; nothing where there is none."""
        if self._retrain is None:
            return {}
        if self._reference is None:
            reference = self._looks(self._retrain)
            self._reference = reference, self._membership(reference)
        reference, other = self._reference
        gap, error = membership_gap(member, other)
        found: dict[str, Any] = {"membership_gap": gap, "membership_gap_error": error}
        for kind in SETS:
            key = f"{kind}/validation"
            found[f"distance_{kind}"], found[f"difference_{kind}"] = distance(
                looks[key], reference[key]
            )
        return found

    def _relearned(
        self,
        params: Params,
        before: np.ndarray,
        done: Callable[[int, dict[str, float] | None], None],
    ) -> dict[str, Any]:
        settings, shown = self._config.relearning, self._looked_at
        if self._target is None:
            self._target = self._psnr(self._original, shown) - settings.tolerance
        chosen = spread_evenly(len(before), settings.pictures)
        start = mean_psnr(self._restore.errors(before[chosen], shown))
        updates = 0

        def looked(now: int, value: float) -> None:
            nonlocal updates
            done((now - updates) * settings.batch_size, {"psnr": value})
            updates = now

        found = relearn(
            None,
            lambda state, number: self._training.step(
                self._training.start(params) if state is None else state, number
            ),
            lambda state: start if state is None else self._psnr(state[0] | state[2], shown),
            target=self._target,
            limit=settings.updates,
            every=settings.every,
            done=looked,
        )
        done((settings.updates - found.updates) * settings.batch_size, {"psnr": found.after})
        return {
            "forget_psnr": found.before,
            "relearning_updates": found.updates,
            "relearning_reached": found.reached,
            "relearning_pictures": found.updates * settings.batch_size,
            "relearning_distinct": self._training.distinct(found.updates),
        }

    def _psnr(self, params: Params, shown: Sample) -> float:
        return mean_psnr(self._restore.errors(self._restore(params, shown), shown))


def _share(audit: Audit, yardstick: Audit | None) -> float | None:
    """Updates over those of `retrain`; None where that says nothing."""
    if yardstick is None or not yardstick.relearning_updates:
        return None
    if not audit.relearning_reached and not yardstick.relearning_reached:
        return None
    return audit.relearning_updates / yardstick.relearning_updates

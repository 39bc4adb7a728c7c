"""A promise about the persons that are missed, the statistics behind it, and the threshold that keeps it.

    promise = make_promise(losses, …)       # (n, BINS): `missed_shares` of each calibration picture
    calibration = promise.plain()           # for the slot of that name in a checkpoint
    threshold_for(calibration, 0.99, …)     # any recall, at any later time, without the pictures

The *loss* of a picture at a threshold is the share of its person pixels that are missed: it only grows with the
threshold. The *risk* is its mean over all pictures with persons, of which those calibrated on are an independent draw.
A recall of R asks for a risk of at most α = 1 − R. The promise stores an upper bound of the risk at each threshold of
`metrics`, and the highest threshold up to which all bounds are within α is the one to use. Two statements can be made:

- at a *confidence* 1 − δ (Bates et al., "Distribution-free, risk-controlling prediction sets", J. ACM 2021): with
  probability 1 − δ over the calibration pictures, the risk is at most α. The bound is that of Waudby-Smith and Ramdas,
  which profits from losses that vary little;
- in *expectation* (Angelopoulos et al., "Conformal risk control", ICLR 2024): the risk is at most α in the mean over
  calibrations. Weaker, and so to be had from fewer pictures.

Neither assumes anything about the segmenter, nor does the temperature play a part: the bounds are by raw logit. Why
they hold for what is redacted, and where they end:

- Pictures without persons are left out. Counted with a loss of 0, as in truth they have, empty streets would pay for
  missed persons. Over all pictures, with and without, the mean can only be smaller.
- A mask that is grown (dilated, held over frames, merged with other finds) misses less, never more: calibrated without,
  the bound stays valid. One from which regions are taken away is not covered.
- It is a mean of shares of *pixels*: not every picture keeps it, and a small person beside a large one may be missed
  whole. Frames of one film, or pictures of one person, are not independent and count as fewer than they are.
- R is to be settled before the threshold is looked at: who tries several and takes what pleases has used the pictures
  twice. So has who calibrates on pictures that the segmenter has learnt from or was chosen by.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from pii_seg.errors import CalibrationError
from pii_seg.evaluation.metrics import BIN_LOGITS, BINS, LIMIT

Confidence = float | Literal["expectation"]

SLOT = "promise"  # in a checkpoint's `calibration`
CURVES = ("missed", "bound", "false_area")  # of it
REMEDY = "python -m pii_seg.calibrate --checkpoint CHECKPOINT --data DIR, with labelled pictures like yours"

HALVINGS = 30  # of 0..1 in the search for a bound: to 1e-9
BLOCK = 1 << 21  # losses looked at together: 16 MB for each array

# σ in float32 keeps enough digits between these logits: it is 0 from −104 on and 1 from 17.
LOWEST_LOGIT, HIGHEST_LOGIT = -80.0, 10.0


def missed_shares(person: np.ndarray) -> np.ndarray:
    """The loss of a picture at each of THRESHOLDS, float32 (BINS,), from the histogram of its person pixels (BINS,).

    Rises from 0, since everything is person at the lowest. Raises ValueError without a person pixel.
    """
    total = person.sum()
    if not total:
        raise ValueError("no person pixel, so no share of them that is missed")
    return ((np.cumsum(person) - person) / total).astype(np.float32)


def expected_risk_bound(losses: np.ndarray) -> np.ndarray:
    """n/(n+1) R̂ + B/(n+1), (K,), of `losses` (n, K) of at most B = 1: Angelopoulos et al., Theorem 1.

    A threshold at which this is at most α has, in the mean over draws of the n pictures, a risk of at most α.
    """
    n = len(losses)
    return (losses.sum(axis=0, dtype=np.float64) + 1) / (n + 1)


def confident_risk_bound(losses: np.ndarray, confidence: float) -> np.ndarray:
    """R⁺, (K,): what the mean loss of each column of `losses` (n, K) is below, each at `confidence` = 1 − δ.

    The bound of Waudby-Smith and Ramdas as Bates et al. give it: bets ν_i on the loss of picture i being below R, sized
    by the pictures before it, win K_i(R) = Π_{j≤i} (1 − ν_j (L_j − R)); R⁺ = inf {R: max_i K_i(R) > 1/δ}. Bad bets cost
    tightness, never validity. Rows must be in an order that says nothing of their losses.
    """
    width = max(1, BLOCK // len(losses))
    blocks = [losses[:, start : start + width] for start in range(0, losses.shape[1], width)]
    return np.concatenate(
        [_betting_bound(block.astype(np.float64), 1 - confidence) for block in blocks]
    )


def _betting_bound(L: np.ndarray, delta: float) -> np.ndarray:
    n = len(L)
    i = np.arange(1, n + 1)[:, None]
    mean = (0.5 + np.cumsum(L, axis=0)) / (1 + i)
    variance = (0.25 + np.cumsum((L - mean) ** 2, axis=0)) / (1 + i)
    before = np.concatenate(
        [np.full_like(L[:1], 0.25), variance[:-1]]
    )  # a bet must not know its own loss
    bet = np.minimum(1, np.sqrt(2 * math.log(1 / delta) / (n * before)))
    low, high = np.zeros(L.shape[1]), np.ones(L.shape[1])
    for _ in range(HALVINGS):  # K_i rises with R
        R = (low + high) / 2
        won = np.cumsum(np.log1p(bet * (R - L)), axis=0).max(axis=0) > math.log(1 / delta)
        low, high = np.where(won, low, R), np.where(won, R, high)
    return high


def pictures_needed(recall: float, confidence: Confidence) -> int:
    """The fewest pictures with which `recall` may be promised: where nothing whatever is missed."""
    alpha = 1 - recall
    # Without a loss the bounds are 1/(n+1) and, with all bets at their highest, (1 + R⁺)^n = 1/δ.
    if confidence == "expectation":
        return math.ceil(1 / alpha - 1 - 1e-9)
    return math.ceil(math.log(1 / (1 - confidence)) / math.log1p(alpha))


@dataclass(frozen=True, eq=False)
class Promise:
    """What is known of the risk at each of THRESHOLDS; the curves are float64 (BINS,). No pixel or name is in it.

    confidence   of the statement; "expectation": in the mean over calibrations
    pictures     with persons, that it was calibrated on
    missed       mean loss there
    bound        of the risk; what is promised
    false_area   share of their background that is taken for a person
    inference    what the segmenter was shown (InferenceSettings); holds for no other
    data_sha256  of the pictures and masks calibrated on
    """

    confidence: Confidence
    pictures: int
    missed: np.ndarray
    bound: np.ndarray
    false_area: np.ndarray
    inference: Mapping[str, Any]
    data_sha256: str

    def __post_init__(self) -> None:
        if self.confidence != "expectation" and not (
            isinstance(self.confidence, float) and 0 < self.confidence < 1
        ):
            raise ValueError(
                f"confidence {self.confidence!r} is neither within 0..1 nor 'expectation'"
            )
        if not isinstance(self.pictures, int) or self.pictures < 1:
            raise ValueError(f"{self.pictures!r} is no number of pictures")
        for name in CURVES:
            curve, falls = getattr(self, name), name == "false_area"
            if curve.shape != (BINS,) or not ((curve >= 0) & (curve <= 1)).all():  # nan is neither
                raise ValueError(f"{name} is not {BINS} numbers from 0 to 1")
            if (np.diff(-curve if falls else curve) < 0).any():
                raise ValueError(f"{name} {'rises' if falls else 'falls'} with the threshold")
        if (self.bound < self.missed).any():
            raise ValueError("a bound is below what was measured")

    @property
    def best_recall(self) -> float:
        """The most that can be promised at all; where everything is taken for a person, nothing needs a promise."""
        return float(1 - self.bound[1])

    def index(self, recall: float) -> int:
        """Of the highest of THRESHOLDS that keeps the promise. Raises CalibrationError when none does."""
        if not 0 < recall < 1:
            raise CalibrationError(
                f"the recall to promise must lie between 0 and 1, not at {recall}"
            )
        kept = np.flatnonzero(self.bound[1:] <= 1 - recall + 1e-12)
        if not len(kept):
            best = math.floor(self.best_recall * 10_000) / 100
            raise CalibrationError(
                f"a recall of {_percent(recall)} cannot be promised {self._how()} with {self.pictures} pictures: "
                f"the best reachable is {best:.2f}%. Ask for less, or calibrate on more pictures: at least "
                f"{pictures_needed(recall, self.confidence)}, and more the more is missed"
            )
        return int(kept[-1]) + 1

    def threshold(self, recall: float, temperature: float) -> float:
        """The threshold on σ(logit / temperature) that keeps the promise. Raises CalibrationError when none does."""
        # The middle of the bin below: half a bin is more than float32 can lose between here and the mask.
        logit = BIN_LOGITS[self.index(recall) - 1] / temperature
        if logit < LOWEST_LOGIT:
            raise CalibrationError(
                f"a temperature of {temperature} leaves no digits for a recall of {_percent(recall)}; "
                f"calibrate again: {REMEDY}"
            )
        return 1 / (1 + math.exp(-min(logit, HIGHEST_LOGIT)))

    def statement(self, recall: float) -> str:
        """What is promised, in a sentence or two that say no more than the mathematics."""
        n, risk = f"{self.pictures:,}", _percent(1 - recall)
        share = "the share of a picture's person pixels that are left out of its mask"
        if self.confidence == "expectation":
            return (
                f"The expected share of missed person pixels is at most {risk}: {share}, in the mean over pictures "
                f"with persons and over calibrations on {n} pictures drawn like them."
            )
        return (
            f"With {_percent(self.confidence)} confidence the expected share of missed person pixels is at most "
            f"{risk}: {share}, in the mean over pictures with persons, drawn like the {n} calibrated on; the "
            "confidence is that of their draw."
        )

    def require_inference(self, inference: Mapping[str, Any]) -> None:
        """Raises CalibrationError, naming the settings, unless pictures are shown as they were when calibrating."""
        given = _deciding(inference)
        if different := sorted(
            n for n in self.inference.keys() | given.keys() if self.inference.get(n) != given.get(n)
        ):
            was, now = (
                ", ".join(f"{n} {settings.get(n)}" for n in different)
                for settings in (self.inference, given)
            )
            raise CalibrationError(
                f"the promise was calibrated with {was}, and holds for nothing else; asked for is {now}. "
                f"Use the former, or calibrate with the latter: {REMEDY}"
            )

    def plain(self) -> dict[str, Any]:
        """As JSON knows it, for `Checkpoint.calibration`."""
        curves = {name: getattr(self, name).tolist() for name in CURVES}
        return {SLOT: {**asdict(self), **curves, "logits": [-LIMIT, LIMIT]}}

    def _how(self) -> str:
        if self.confidence == "expectation":
            return "in expectation"
        return f"at a confidence of {_percent(self.confidence)}"


def check_confidence(confidence: Confidence) -> None:
    """Raises CalibrationError for what is no confidence."""
    if confidence != "expectation" and not 0 < confidence < 1:
        raise CalibrationError(
            f"the confidence must lie between 0 and 1 or be 'expectation', not {confidence}"
        )


def make_promise(
    losses: np.ndarray,
    *,
    confidence: Confidence,
    false_area: np.ndarray,
    inference: Mapping[str, Any],
    data_sha256: str,
) -> Promise:
    """The promise that `losses` (n, BINS), one row of `missed_shares` for each picture with persons, allow.

    Rows must be in an order that says nothing of their losses. `inference`: asdict of the InferenceSettings.
    Raises CalibrationError without pictures, or when they are too few to promise anything.
    """
    check_confidence(confidence)
    if not len(losses):
        raise CalibrationError("the data show no person, so nothing can be said of missed ones")
    missed = losses.mean(axis=0, dtype=np.float64)
    bound = (
        expected_risk_bound(losses)
        if confidence == "expectation"
        else confident_risk_bound(losses, confidence)
    )
    # "All bounds up to a threshold", once and for all; and no bound shall be below what was seen.
    bound = np.maximum.accumulate(np.maximum(bound, missed))
    promise = Promise(
        confidence, len(losses), missed, bound, false_area, _deciding(inference), data_sha256
    )
    if promise.best_recall <= 0:
        raise CalibrationError(
            f"{len(losses)} pictures with persons are too few to promise anything"
        )
    return promise


def read_promise(calibration: Any) -> Promise:
    """The promise in a checkpoint's `calibration`, which may be anybody's. Raises CalibrationError."""
    stored = calibration.get(SLOT) if isinstance(calibration, Mapping) else None
    if stored is None:
        raise CalibrationError(
            f"the checkpoint was not calibrated, so no recall can be promised; calibrate it: {REMEDY}"
        )
    try:
        if stored["logits"] != [-LIMIT, LIMIT]:
            raise ValueError(f"its logits are {stored['logits']}, not within ±{LIMIT}")
        curves = {name: np.array(stored[name], np.float64) for name in CURVES}
        return Promise(
            confidence=stored["confidence"],
            pictures=stored["pictures"],
            inference=dict(stored["inference"]),
            data_sha256=str(stored["data_sha256"]),
            **curves,
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        why = f"{error} is absent" if isinstance(error, KeyError) else str(error)
        raise CalibrationError(
            f"the checkpoint's calibration is damaged ({why}); calibrate again: {REMEDY}"
        ) from None


def threshold_for(
    calibration: Any, recall: float, *, inference: Mapping[str, Any], temperature: float
) -> float:
    """The threshold that promises `recall` (0..1), on σ(logit / temperature).

    `calibration`: the slot of that name in a checkpoint. `inference`: asdict of the InferenceSettings to be used.
    Raises CalibrationError, which says what to do, without a sound calibration, when pictures shall be shown in another
    way than when calibrating, or when the promise is out of reach.
    """
    promise = read_promise(calibration)
    promise.require_inference(inference)
    return promise.threshold(recall, temperature)


def _deciding(inference: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that the logits depend on, as JSON gives them back: tuples are lists, batches are left out."""
    return {n: v for n, v in json.loads(json.dumps(dict(inference))).items() if n != "batch_pixels"}


def _percent(share: float) -> str:
    return f"{100 * share:.6g}%"

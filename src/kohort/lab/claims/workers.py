"""Claim 6: when the batch grows, CPU workers must grow too."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kohort.data.loader import Loader
from kohort.data.parts import Parts
from kohort.data.pixel_store import reading_once
from kohort.data.streams import Stream
from kohort.engine.devices import cores, threads_of
from kohort.engine.member import Member
from kohort.estimators.conv import ConvClassifier
from kohort.lab.bench import Bench
from kohort.lab.claim import Claim
from kohort.lab.outcomes import Outcome, Outcomes
from kohort.lab.part import Part
from kohort.lab.pictures import BATCH, label_left, legend_below, lines, panels
from kohort.lab.tables import DIGITS, photo
from kohort.lab.words import Language, Words
from kohort.studies.prepared import prepared_fit
from kohort.studies.workers.worker_plan import resident_speed, row_costs
from kohort.style import GRAY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT, SIDE, SIZE = 128, 320, (32, 32)
BATCHES = (4, 16, 64)
LEAST, MOST = BATCHES[0], BATCHES[-1]
LIGHT, HEAVY = "light", "heavy"
WIDTHS = {LIGHT: 2, HEAVY: 24}
NAMES = {
    LIGHT: Words("light network (bound by data)", "가벼운 신경망(데이터 병목)"),
    HEAVY: Words("heavy network (bound by computing)", "무거운 신경망(연산 병목)"),
}
ONE, TWO = "1 worker", "2 workers"
HERE = "cores of the machine"
_CORES = Words("cores of reading it takes", "읽는 데 필요한 코어 수")
_SHORT = {
    LIGHT: Words("light network", "가벼운 신경망"),
    HEAVY: Words("heavy network", "무거운 신경망"),
}
_HERE = Words("cores of the machine", "측정한 컴퓨터의 코어 수")
_SECONDS, _MOMENT = 0.15, 0.01


class ImageSet(NamedTuple):
    """Images to be written into files."""

    name: str
    ending: str
    images: Callable[[], Iterator[NDArray[np.uint8]]]


def _crops() -> Iterator[NDArray[np.uint8]]:
    """Crops of the two photographs, in grey."""
    draws = np.random.default_rng(0)
    photos = [(255 * photo(name)).astype(np.uint8) for name in ("china.jpg", "flower.jpg")]
    for k in range(COUNT):
        whole = photos[k % 2]
        top, left = (draws.integers(edge - SIDE) for edge in whole.shape)
        yield whole[top : top + SIDE, left : left + SIDE]


def _scans() -> Iterator[NDArray[np.uint8]]:
    """Digits, as large as a scanner would give them."""
    pixels = DIGITS.load().X[:COUNT].reshape(-1, 8, 8)
    for one in pixels:
        yield np.kron(one * 15.9, np.ones((SIDE // 8, SIDE // 8))).astype(np.uint8)


SETS = (ImageSet("photos", "jpg", _crops), ImageSet("digits", "png", _scans))

PARTS = (
    *(
        Part(
            Words(
                f"{name.en}: batches of {MOST} need more workers than batches of {LEAST}",
                f"{name.ko}: 배치 {MOST}이 배치 {LEAST}보다 작업자를 더 필요로 함",
            ),
            "cores", kind, kind, at=LEAST, against_at=MOST, margin=0.1,
        )
        for kind, name in NAMES.items()
    ),
    Part(
        Words("two workers read faster than one", "작업자 2개가 1개보다 빨리 읽음"),
        "seconds per image", TWO, ONE, margin=0.1,
    ),
)  # fmt: skip


def measure(bench: Bench) -> Outcomes:
    """Measure how fast training takes images and how fast workers read them, set by set.

    A trial run has one set, and the light network in small batches stands for all, for a program
    takes seconds to compile.
    """
    found: list[Outcome] = []
    for images in SETS[:1] if bench.quick else SETS:
        with tempfile.TemporaryDirectory() as folder, reading_once():
            paths = _written(images, Path(folder))
            members = {
                (kind, batch): _member(paths, WIDTHS[kind], batch)
                for kind, batch in ([(LIGHT, LEAST)] if bench.quick else product(NAMES, BATCHES))
            }
            found += _needed(images.name, members, bench)
            found += _reading(images.name, members[LIGHT, LEAST], bench)
    return Outcomes([*found, Outcome(HERE, "", "", "", 0, float(cores()))])


def _written(images: ImageSet, folder: Path) -> list[str]:
    from PIL import Image

    paths = [folder / f"{k}.{images.ending}" for k in range(COUNT)]
    for path, pixels in zip(paths, images.images(), strict=True):
        Image.fromarray(pixels).save(path)
    return [str(path) for path in paths]


def _member(paths: Sequence[str], width: int, batch: int) -> Member:
    """The training of a convolutional network of one stage on these files."""
    model = ConvClassifier(
        depth=1, width=width, batch_size=batch, workers=0, image_size=SIZE, channels=1
    )
    prepared = prepared_fit(model, paths, np.arange(len(paths)) % 2, {})
    return replace(prepared.members[0], validation=None)


def _needed(name: str, members: dict[tuple[str, int], Member], bench: Bench) -> list[Outcome]:
    """Cores of reading that keep training busy: images per second x seconds to read one.

    A seed measures every network and batch size in turn, and what reading costs.
    """
    device, found = threads_of(None)[0], []
    for member in members.values():
        resident_speed(member, device, _MOMENT)  # Compiles.
    for seed in range(bench.seeds):
        cost = sum(row_costs(next(iter(members.values()))).values())
        for kind, batch in product(NAMES, BATCHES):
            member = members.get((kind, batch), members[LIGHT, LEAST])
            speed = resident_speed(member, device, _MOMENT if bench.quick else _SECONDS)
            values = {"images per second": speed, "cores": speed * cost}
            found += [Outcome(m, name, batch, kind, seed, value) for m, value in values.items()]
    return found


def _reading(name: str, member: Member, bench: Bench) -> list[Outcome]:
    """Seconds per image of one worker, then of two, when nothing trains.

    Parts that workers read ahead of the first seed do not count; a seed takes a part from each.
    """
    stream = member.rows.x
    assert isinstance(stream, Stream)
    found = []
    for side, count in ((ONE, 1), (TWO, 2)):
        loader = Loader(Parts(stream.source, member.order), count)
        try:
            for _ in range(1 if bench.quick else 4 * count + 1):
                next(loader)
            for seed in range(bench.seeds):
                begin = time.perf_counter()
                images = sum(len(next(loader)) for _ in range(count))
                passed = (time.perf_counter() - begin) / images
                found.append(Outcome("seconds per image", name, "", side, seed, passed))
        finally:
            loader.close()
    return found


def draw(figure: Figure, found: Outcomes, language: Language) -> None:
    """Cores of reading that keep training busy, by batch size, against the cores there are."""
    labels = {kind: name.of(language) for kind, name in _SHORT.items()}
    shown = [images for images in SETS if images.name in found.tables("cores")]
    for axes, images in zip(panels(figure, len(shown), share_y=True), shown, strict=True):
        lines(axes, found, "cores", images.name, tuple(NAMES), labels=labels)
        for count in found.values(HERE, "", ""):
            axes.axhline(count, color=GRAY, linewidth=1, linestyle="--", label=_HERE.of(language))
        axes.set_xscale("log", base=2)
        axes.set_xticks(BATCHES, [str(batch) for batch in BATCHES])
        axes.set_ylim(bottom=0)
        axes.set(title=f"{images.name} (.{images.ending})", xlabel=BATCH.of(language))
    label_left(figure, _CORES, language)
    legend_below(figure, figure.axes[0])


CLAIM = Claim(
    number=6,
    name="workers",
    title=Words("Workers and the batch size", "작업자 수와 배치 크기"),
    says=Words(
        "When the batch grows, CPU workers must grow too.",
        "배치가 커지면 CPU 작업자도 늘려야 한다.",
    ),
    design=Words(
        "128 image files of 320 x 320 grey pixels (crops of two photographs as JPEG, digits as PNG) "
        "are read at 32 x 32 and train a convolutional network of one stage with 2 filters, which "
        "waits for data, or with 24, which computes; batches of 4, 16 and 64. A batch takes as many "
        "cores of reading as it trains images per second from memory, times the seconds that a core "
        "takes to read one (disk, decoding, resizing). Each seed measures every network and batch in "
        "turn, in one process. Whether workers help is measured too: seconds per image of one worker "
        "process, then of two, part after part when nothing trains. A first full run had both read in "
        "turn; it is void, for what one had read ahead while the other was timed looked like speed "
        "(its other figures agree with these). All effects are ratios; a learning rate plays no part.",
        "320 x 320 회색 픽셀의 이미지 파일 128개(사진 두 장에서 잘라 낸 JPEG, 숫자 PNG)를 32 x 32로 읽어 한 단계짜리 합성곱 신경망을 "
        "훈련합니다. 필터 2개짜리는 데이터를 기다리고 24개짜리는 연산에 시간을 씁니다. 배치는 4, 16, 64입니다. 필요한 읽기 코어 수는 메모리에서 "
        "훈련할 때의 초당 이미지 수에 한 코어가 이미지 한 장을 읽는 시간(디스크, 디코딩, 크기 조정)을 곱한 값입니다. 시드마다 한 프로세스에서 "
        "모든 신경망과 배치를 번갈아 잽니다. 작업자가 실제로 도움이 되는지도, 훈련하지 않는 동안 작업자 프로세스 1개, 그다음 2개가 이미지 한 장을 읽는 "
        "시간으로 잽니다. 첫 전체 실행에서는 둘이 번갈아 읽게 했는데, 한쪽을 재는 동안 다른 쪽이 미리 읽어 둔 것이 속도로 잡혀 무효로 했습니다(나머지 "
        "수치는 이번과 같은 방향입니다). 효과는 모두 비율이며, 학습률은 관여하지 않습니다.",
    ),
    parts=PARTS,
    measure=measure,
    draw=draw,
    remark=Words(
        "Workers follow the images per second. The light network trains 1.5 times as many of them at batches of 64 as at 4, and takes 3.6 to "
        "4.1 cores of reading instead of 2.4 to 2.8 (medians), more than the two of the machine that measured it. The heavy one takes 0.7 to 0.8 "
        "at batches of 4 and 0.4 to 0.5 at 64, for larger batches of its convolutions are slower per image on this processor. What sets the "
        "number of workers is how much a network computes per image, and a larger batch asks for more of them only where it makes "
        "the network faster. `kohort.plan_workers` measures it for your files, network and machine.",
        "필요한 작업자 수는 초당 이미지 수를 따릅니다. 가벼운 신경망은 배치 64에서 4일 때보다 1.5배 많은 이미지를 훈련하며, 읽기에 2.4~2.8개 대신 "
        "3.6~4.1개의 코어(중앙값)가 필요해, 측정한 컴퓨터의 코어 두 개보다 많습니다. 무거운 신경망은 배치 4에서 0.7~0.8개, 64에서 0.4~0.5개면 됩니다. 이 프로세서에서는 "
        "합성곱의 배치가 커지면 이미지당 시간이 더 걸리기 때문입니다. 작업자 수를 정하는 것은 이미지 한 장에 드는 연산량이며, 배치가 커질 때 작업자도 "
        "늘어야 하는 것은 신경망이 그만큼 빨라질 때뿐입니다. `kohort.plan_workers`는 사용자의 파일, 신경망, 컴퓨터에서 직접 잽니다.",
    ),
    papers=("Mohan et al. 2021 (arXiv:2007.06775)", "Murray et al. 2021 (arXiv:2101.12127)"),
    parameters=("batch_size", "workers"),
)  # fmt: skip

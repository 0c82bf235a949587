"""Tests of trainer.losses."""

from pathlib import Path

from trainer.losses import LossLog, StepLoss, read_losses


def test_log_is_cut_back_to_the_step_resumed_from(tmp_path: Path) -> None:
    """Steps after the checkpoint are dropped at resume, since they are done again; losses keep every bit."""
    log = LossLog(tmp_path, resumed_step=0)
    entries = [StepLoss(step=step, loss=step / 3, tokens=64 * step) for step in (1, 2, 3)]
    for entry in entries:
        log.append(entry)

    LossLog(tmp_path, resumed_step=2).append(StepLoss(step=3, loss=None, tokens=192))

    assert list(read_losses(tmp_path)) == [*entries[:2], StepLoss(step=3, loss=None, tokens=192)]


def test_half_a_line_is_left_out(tmp_path: Path) -> None:
    """A line that a crash cut off is not an error."""
    LossLog(tmp_path, resumed_step=0).append(StepLoss(step=1, loss=1.0, tokens=64))
    with (tmp_path / "loss.jsonl").open("a") as file:
        file.write('{"step": 2, "lo')

    assert [entry.step for entry in read_losses(tmp_path)] == [1]

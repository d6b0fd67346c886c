from __future__ import annotations

import hashlib
import json
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from armillary.model.clock import NS, parse_iso
from armillary.model.fault import Fault
from armillary.security.audit import GENESIS, Act, Audit, files
from armillary.security.chain import KINDS, verify

JANUARY = parse_iso("2026-01-31T23:59:50Z")


def act(i: int) -> Act:
    return Act(
        actor="anna", role="operator", action="command.intent", target="p101.speed", before=i, after=i + 0.5
    )


def written(folder: Path, n: int, *, step_s: float = 1.0) -> str:
    audit = Audit(folder, world_kind="LIVE", now_ns=JANUARY)
    for i in range(n):
        audit.append(act(i), t_ns=JANUARY + int(i * step_s * NS), effect=False)
    audit.close()
    return audit.head


def test_a_record_holds_all_fields_and_its_hash_follows_from_the_one_before(tmp_path: Path) -> None:
    head = written(tmp_path, 3)
    records = [json.loads(line) for line in files(tmp_path)[0].read_text().splitlines()]
    fields = {"seq", "t", "actor", "role", "desk", "world_kind", "action", "object"}
    assert set(records[0]) == fields | {"before", "after", "reason", "prev", "hash"}
    prev = GENESIS
    for record in records:
        digest = record.pop("hash")
        assert record["prev"] == prev
        canonical = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert hashlib.sha256(canonical.encode() + prev.encode()).hexdigest() == digest
        prev = digest
    assert prev == head


def test_a_new_month_begins_with_the_head_of_the_old_file(tmp_path: Path) -> None:
    written(tmp_path, 20)
    january, february = files(tmp_path)
    assert january.name == "audit-2026-01.jsonl"
    last = json.loads(january.read_text().splitlines()[-1])
    first = json.loads(february.read_text().splitlines()[0])
    assert first["prev"] == last["hash"]
    assert first["seq"] == last["seq"] + 1
    verdict = verify(tmp_path)
    assert verdict.holds
    assert (verdict.count, verdict.last_seq, verdict.findings) == (20, 20, ())


def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, 3)
    written(tmp_path, 2)
    verdict = verify(tmp_path)
    assert verdict.holds
    assert verdict.last_seq == 5


def test_a_clock_set_back_keeps_one_chain_and_is_reported_without_breaking_it(tmp_path: Path) -> None:
    written(tmp_path, 20)
    written(tmp_path, 1)  # in January again, though February has begun
    verdict = verify(tmp_path)
    assert verdict.holds
    assert [f.kind for f in verdict.findings] == ["clock went back"]
    assert len(files(tmp_path)) == 2


def test_a_record_torn_by_a_power_cut_is_set_aside_and_the_chain_goes_on(tmp_path: Path) -> None:
    written(tmp_path, 3)
    with files(tmp_path)[0].open("ab") as file:
        file.write(b'{"action":"command.in')
    audit = Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    audit.append(act(9), t_ns=JANUARY)
    audit.close()
    assert verify(tmp_path).holds
    assert [p.read_bytes() for p in tmp_path.glob("*.torn-*")] == [b'{"action":"command.in']
    assert '"action":"audit.mended"' in files(tmp_path)[0].read_text()


def test_two_worlds_cannot_write_one_audit(tmp_path: Path) -> None:
    audit = Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    with pytest.raises(Fault, match="Another world"):
        Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    audit.close()
    Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY).close()


def test_a_folder_that_cannot_be_written_is_a_clear_fault(tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("a file where the folder should be")
    with pytest.raises(Fault, match=r"commands are locked.*Make the folder writable"):
        Audit(tmp_path / "audit", world_kind="LIVE", now_ns=JANUARY)


def test_a_full_disk_refuses_the_record_and_leaves_the_chain_whole(tmp_path: Path) -> None:
    audit = Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    audit.append(act(0), t_ns=JANUARY)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = files(tmp_path)[0].stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))  # room for a part of one record
    try:
        with pytest.raises(Fault, match="commands are locked"):
            audit.append(act(1), t_ns=JANUARY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert audit.append(act(2), t_ns=JANUARY) == 2
    audit.close()
    assert verify(tmp_path).holds


def test_a_damaged_last_record_stops_a_writer_from_going_on(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = files(tmp_path)[0]
    path.write_text(path.read_text().replace('"after":2.5', '"after":9.5'))
    with pytest.raises(Fault, match="audit is damaged"):
        Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)


def test_a_closed_audit_takes_no_more_records(tmp_path: Path) -> None:
    audit = Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    audit.close()
    with pytest.raises(Fault, match="closed"):
        audit.append(act(0), t_ns=JANUARY)


def test_not_a_number_and_broken_text_are_written_as_valid_json(tmp_path: Path) -> None:
    audit = Audit(tmp_path, world_kind="LIVE", now_ns=JANUARY)
    odd = Act(actor="a\ud800b", role="", action="x", target="t", before=float("nan"), reason="r" * 5_000)
    audit.append(odd, t_ns=JANUARY)
    audit.close()
    record = json.loads(files(tmp_path)[0].read_text())
    assert record["before"] is None
    assert len(record["reason"]) == 2_000
    assert verify(tmp_path).holds


def test_a_truncated_audit_is_found_by_a_head_noted_elsewhere(tmp_path: Path) -> None:
    head = written(tmp_path, 5)
    assert verify(tmp_path, anchor=head).holds
    path = files(tmp_path)[0]
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    assert verify(tmp_path).holds  # alone, nothing can tell
    finding = verify(tmp_path, anchor=head).findings[0]
    assert (finding.seq, finding.kind) == (4, "truncated")


def test_no_audit_at_all_is_a_fault_not_a_good_verdict(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="no audit"):
        verify(tmp_path / "nowhere")


def swap(lines: list[bytes], i: int) -> list[bytes]:
    return [*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]]


def forge(lines: list[bytes], i: int) -> list[bytes]:
    """Return the log with record i rewritten and its own hash made right again."""
    record = json.loads(lines[i])
    del record["hash"]
    record["actor"] = "someone else"
    body = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(body + record["prev"].encode()).hexdigest()
    return [*lines[:i], body[:-1] + f',"hash":"{digest}"}}\n'.encode(), *lines[i + 1 :]]


TAMPERS: dict[str, tuple[Callable[[list[bytes], int], list[bytes]], int]] = {
    # what is done to record i, and how far behind it the first break may be seen
    "changed": (lambda lines, i: [*lines[:i], lines[i].replace(b'"anna"', b'"olaf"'), *lines[i + 1 :]], 0),
    "removed": (lambda lines, i: [*lines[:i], *lines[i + 1 :]], 0),
    "inserted": (lambda lines, i: [*lines[:i], lines[i - 1], *lines[i:]], 0),
    "reordered": (swap, 0),
    "truncated": (lambda lines, i: [*lines[:i], lines[i][:-20]], 0),
    "fork": (forge, 1),
}


@pytest.mark.parametrize("kind", TAMPERS)
@given(i=st.integers(1, 8))
@settings(max_examples=8, deadline=None)
def test_tampering_is_named_with_the_first_broken_record(kind: str, i: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, 10, step_s=0.1)
        path = files(folder)[0]
        change, late = TAMPERS[kind]
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True), i)))
        verdict = verify(folder)
    assert not verdict.holds
    assert verdict.findings[0].kind == kind
    assert verdict.findings[0].seq == i + 1 + late


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_changed_byte_goes_unseen(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head = written(folder, 6, step_s=0.1)
        path = files(folder)[0]
        raw = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(raw)
        verdict = verify(folder, anchor=head)
        line = bytes(raw[:at]).count(b"\n") + 1
    assert not verdict.holds
    assert verdict.findings[0].kind in KINDS
    assert verdict.findings[0].seq <= line

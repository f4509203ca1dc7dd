from __future__ import annotations

from pathlib import Path

from helder.ledger import canonical, energy, environment


def test_the_record_names_python_packages_processor_and_variables(tmp_path: Path) -> None:
    record = environment.record({"OMP_NUM_THREADS": "3", "HOME": f"{tmp_path}/home"}, {"work": tmp_path})
    assert record["packages"]["click"]
    assert record["threads"] == 3
    assert record["processor"]["cpus"] >= 1
    assert len(record["processor"]["flags_sha256"]) == 64
    canonical.dumps(record)


def test_where_things_lie_on_this_machine_is_not_recorded(tmp_path: Path) -> None:
    record = environment.record(
        {"HOME": f"{tmp_path}/home", "PYTHONPATH": str(environment.PACKAGE.parent)}, {"work": tmp_path}
    )
    assert record["variables"] == {"HOME": "{work}/home", "PYTHONPATH": "{code}"}


def test_the_code_digest_is_a_sha_256_over_helders_own_files() -> None:
    assert len(environment.code_digest()) == 64


def counter(folder: Path, name: str, value: int) -> None:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{value}\n", encoding="ascii")
    (folder / name / "max_energy_range_uj").write_text("10000000\n", encoding="ascii")


def test_energy_is_measured_where_the_counter_can_be_read_also_when_it_wraps(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", 9_000_000)
    counter(tmp_path, "intel-rapl:0:0", 5)
    before = energy.counters(tmp_path)
    counter(tmp_path, "intel-rapl:0", 1_000_000)
    found = energy.spent(before, energy.counters(tmp_path), 100.0)
    assert found["joules"] == 2.0
    assert found["how"].startswith("measured")


def test_energy_is_an_estimate_and_says_so_where_there_is_no_counter(tmp_path: Path) -> None:
    found = energy.spent(energy.counters(tmp_path), energy.counters(tmp_path), 10.0)
    assert found["joules"] == 10.0 * energy.WATTS_BUSY_CORE
    assert found["how"].startswith("estimated")

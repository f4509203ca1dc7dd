"""Names of machines: what is written is understood, or what is known is listed."""

from __future__ import annotations

import pytest

from helder.errors import HelderError
from helder.fleet.machines import machines, parse


@pytest.mark.parametrize(
    ("text", "devices", "hosts", "shown"),
    [
        ("h100", 1, 1, "h100"),
        ("8xh100", 8, 1, "8xh100"),
        ("8xH100", 8, 1, "8xh100"),
        ("2x8xh100", 16, 2, "2x8xh100"),
        ("16xh100", 16, 2, "2x8xh100"),
        ("9xh100", 9, 2, "9xh100"),
        ("4xcpu-16", 4, 4, "4x1xcpu-16"),
        ("2x4xa100-40gb", 8, 2, "2x4xa100-40gb"),
    ],
)
def test_machines_are_read_as_they_are_written(text: str, devices: int, hosts: int, shown: str) -> None:
    fleet = parse(text)
    assert (fleet.devices, fleet.hosts, str(fleet)) == (devices, hosts, shown)
    assert parse(str(fleet)) == fleet


def test_an_unknown_machine_is_refused_with_what_was_meant_and_what_is_known() -> None:
    with pytest.raises(HelderError, match="Did you mean h100") as refused:
        parse("8xh10")
    for name in machines():
        assert name in refused.value.fix


@pytest.mark.parametrize("text", ["", "8x", "x8xh100", "0xh100", "8 h100", "1x2x3xh100", "-1xh100", "8xh100x2"])
def test_what_names_no_machines_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(HelderError) as refused:
        parse(text)
    assert "8xh100" in refused.value.why or "h100" in refused.value.fix


def test_more_devices_than_a_host_holds_are_spread_out() -> None:
    with pytest.raises(HelderError, match="No host holds 16") as refused:
        parse("2x16xh100")
    assert "4x8xh100" in refused.value.fix


def test_every_machine_has_its_sources_and_figures_that_a_machine_can_have() -> None:
    for machine in machines().values():
        assert machine.source
        assert machine.utilisation_source
        assert 0.1 <= machine.utilisation <= 0.65, machine.name
        assert 0.5 <= machine.draw <= 1
        assert machine.flops_bf16 >= machine.flops_fp32
        # A device reads its memory faster than it hears from others, within a host no slower than from outside.
        assert machine.bandwidth >= machine.inside >= machine.between


def test_hosts_hear_of_each_other_through_all_their_cards() -> None:
    assert parse("2x8xh100").link == 8 * parse("h100").machine.between
    assert parse("2x1xh100").link == parse("h100").machine.between
    assert parse("8xh100").link == parse("h100").machine.inside

"""The twins of the example: what can be answered and what cannot differ in the leaflets alone."""

from __future__ import annotations

from helder.examples.handbook_questions import rooms


def test_an_answer_stands_in_its_leaflet_exactly_when_it_can_be_given() -> None:
    everything = " ".join(rooms.leaflets().values())
    sentences = everything.replace("\n", " ").split(". ")
    for name in ("train", "dev", "test"):
        for question in rooms.questions(name):
            room = next(one for inside in rooms.rooms().values() for one in inside if one in question["input"])
            said = [one for one in sentences if room.lower() in one.lower()]
            assert len(said) == rooms.TOLD
            if question["tags"] == ["answerable"]:
                assert any(question["output"].split(" euros")[0] in one for one in said), question
            else:
                assert question["output"] == rooms.UNKNOWN


def test_half_of_the_questions_have_a_twin_without_an_answer() -> None:
    for name in ("train", "dev", "test"):
        tags = [question["tags"][0] for question in rooms.questions(name)]
        assert tags.count("answerable") / len(tags) == rooms.TOLD / len(rooms.FACTS)


def test_rooms_of_the_test_are_never_asked_about_in_training() -> None:
    every = [room for inside in rooms.rooms().values() for room in inside]
    assert len(set(every)) == len(every) == 60
    assert {rooms.part(room) for room in every} == {"train", "dev", "test"}

"""A tuned model gets the bare question; an untrained one is told the job and shown varied examples."""

from __future__ import annotations

from helder.evaluate.prompt import choose_asked, choose_shots, messages_for
from helder.evaluate.records import Example
from tests.evaluate.material import DOSE, LABEL, TEXT, instruction


def doses(count: int) -> list[Example]:
    return [
        Example(f"{n:03}", text, DOSE.normalise(output))
        for n, (text, output) in enumerate(map(instruction, range(count)))
    ]


def test_a_tuned_model_gets_the_bare_question() -> None:
    assert messages_for(DOSE, "2 puffs", None) == [{"role": "user", "content": "2 puffs"}]


def test_an_untrained_model_is_told_the_job_and_shown_examples_in_turns() -> None:
    shots = choose_shots(DOSE, doses(30), 3, 0)
    messages = messages_for(DOSE, "2 puffs", shots)
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3 + ["user"]
    assert messages[0]["content"].startswith("Turn a dose instruction into records.")
    assert messages[0]["content"].endswith(shots[0].input)
    assert messages[1]["content"] == DOSE.encode(shots[0].output)
    assert messages[-1]["content"] == "2 puffs"


def test_an_untrained_model_without_examples_is_told_the_job_before_the_question() -> None:
    (message,) = messages_for(DOSE, "2 puffs", [])
    assert message["content"].endswith("\n\n2 puffs")


def test_the_examples_cover_every_form_and_number_of_records() -> None:
    shots = choose_shots(DOSE, doses(200), 6, 0)
    assert {shot.output[0]["form"] for shot in shots} == {"tablet", "puff", "ml"}
    assert {len(shot.output) for shot in shots} == {1, 2}


def test_the_examples_of_a_label_task_have_different_labels() -> None:
    train = [Example(str(n), f"thing {n}", LABEL.labels[0 if n else 1]) for n in range(50)]
    assert {shot.output for shot in choose_shots(LABEL, train, 2, 0)} == {"cat", "dog"}


def test_the_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    train = doses(200)
    assert choose_shots(DOSE, train, 8, 0) == choose_shots(DOSE, train[::-1], 8, 0)
    assert choose_shots(DOSE, train, 8, 0) != choose_shots(DOSE, train, 8, 1)


def test_fewer_examples_than_asked_for_are_all_there_are() -> None:
    assert len(choose_shots(TEXT, [Example("1", "a", "b")], 8, 0)) == 1
    assert choose_shots(TEXT, [], 8, 0) == []


def test_a_limited_test_is_drawn_by_hash_and_keeps_its_order() -> None:
    examples = doses(100)
    some = choose_asked(examples, 10, 0)
    assert len(some) == 10
    assert [example.id for example in some] == sorted(example.id for example in some)
    assert some != examples[:10]
    assert all(example in some for example in choose_asked(examples, 5, 0))
    assert choose_asked(examples, None, 0) == examples
    assert choose_asked(examples, 1000, 0) == examples

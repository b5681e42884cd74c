from data.corpus import corpus_from_lists
from tune.corpus_record import describe_classes, difference

TEXTS, LABELS = ["a", "b", "c", "d", "e"], ["x", "x", "y", "y", "z"]


def told(texts: list[str], labels: list[str]) -> str:
    return difference(*(describe_classes(corpus_from_lists(*lists)) for lists in ((TEXTS, LABELS), (texts, labels))))


def test_a_difference_names_classes_and_what_is_other_of_each() -> None:
    assert told([*TEXTS, "f"], [*LABELS, "x"]) == "class 'x' had 2 rows and has 3"
    assert told(["a", "b", "c", "D", "e"], LABELS) == "class 'y' has other texts, or in another order"
    assert told(["b", "a", "c", "d", "e"], LABELS) == "class 'x' has other texts, or in another order"
    assert told(TEXTS, ["x", "x", "y", "y", "w"]) == "class 'z' is gone, of 1 rows; class 'w' is new, of 1 rows"
    assert told(list("vwxyz"), list("abcab")).endswith("class 'z' is gone, of 1 rows; and 3 more")


def test_texts_run_together_are_others() -> None:
    corpora = (corpus_from_lists(texts, ["x", "x", "y"]) for texts in (["a", "bc", "d"], ["ab", "c", "d"]))
    assert len({str(describe_classes(corpus)["x"]) for corpus in corpora}) == 2


def test_rows_that_change_places_without_changing_their_class_s_order_are_told_as_such() -> None:
    assert told(["c", "a", "b", "d", "e"], ["y", "x", "x", "y", "z"]) == (
        "the same texts of each class, in another order or other groups"
    )

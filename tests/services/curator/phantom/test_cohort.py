from services.curator.phantom.cohort import plan_cohort


def test_every_patient_has_two_breasts_in_two_views_with_one_label_a_breast() -> None:
    films = plan_cohort(patients=30, malignant_share=0.4, seed=5)
    assert len(films) == len({film.path for film in films}) == 120
    by_breast: dict[tuple[str, str], set[bool]] = {}
    for film in films:
        by_breast.setdefault((film.patient_id, film.laterality), set()).add(film.malignant)
    assert all(len(labels) == 1 for labels in by_breast.values())
    assert sum(labels == {True} for labels in by_breast.values()) == 24
    sides = [sum(film.malignant for film in films if film.patient_id == patient) for patient, _ in by_breast]
    assert set(sides) == {0, 2, 4}


def test_the_plan_follows_from_the_seed() -> None:
    assert plan_cohort(patients=9, malignant_share=0.5, seed=1) == plan_cohort(patients=9, malignant_share=0.5, seed=1)
    assert plan_cohort(patients=9, malignant_share=0.5, seed=1) != plan_cohort(patients=9, malignant_share=0.5, seed=2)

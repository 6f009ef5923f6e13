from datetime import date

import polars as pl
import pytest

from openmeasures import definitions
from openmeasures.definitions import Published
from openmeasures.releases import Release
from openmeasures.reviewing.reconcile import COLUMNS, EARLIER, Verdict, lines, reconcile, summarise
from openmeasures.schemas import Observations, Organisations
from openmeasures.sources import Publication, SourceFile, ae_monthly
from openmeasures.store import Store

FEBRUARY, MARCH = date(2024, 2, 1), date(2024, 3, 1)
TOTAL = {"title": "Total row", "url": "https://example.org/"}


@pytest.fixture
def with_published(measure):
    """Return the measure of the tests with the given entries under `published`."""

    def made(*entries):
        return measure.model_copy(update={"published": [Published.model_validate(TOTAL | each) for each in entries]})

    return made


@pytest.fixture
def filled(keep, store):
    """Two months of two trusts: 1000 and 500 attendances, 400 and 100 of them over four hours."""
    keep(("RC9", 1000, 400), ("RJ1", 500, 100))
    keep(("RC9", 1000, 300), ("RJ1", 500, 100), month="FEBRUARY-2024", name="February-2024.csv")
    return store


def test_organisations_that_add_up_agree_with_the_total_row(with_published, filled):
    found = reconcile(with_published({}), filled)
    assert found.schema == pl.Schema(COLUMNS)
    assert found.drop("published_in", "measure").rows() == [
        ("", "ENG", FEBRUARY, 100 * 1100 / 1500, 100 * 1100 / 1500, 0.0, "agrees", ""),
        ("", "ENG", MARCH, 100 * 1000 / 1500, 100 * 1000 / 1500, 0.0, "agrees", ""),
    ]


# ---- another publication, made of a total row for this purpose


@pytest.fixture
def beside(with_published, filled):
    """Set ours beside a figure that another publication gives for March 2024, with its options."""

    def one(figure, **options):
        file = SourceFile("t.xls", "t.xls", b"a time series")
        rows = pl.DataFrame({"period_start": [FEBRUARY, MARCH], "value": [None, figure]}).with_columns(
            pl.lit("time_series").alias("source"), pl.lit("within").alias("metric"), pl.lit("ENG").alias("org_code"),
            pl.lit("").alias("breakdown"), pl.lit("").alias("category"), pl.lit(file.sha256).alias("release"),
            period_end=pl.col("period_start").dt.month_end(), status=pl.Series(["not_submitted", "reported"]),
        )  # fmt: skip
        names = Organisations.validate(
            pl.DataFrame(
                {"org_code": "ENG", "org_name": "England", "parent_name": "", "system_code": None,
                 "period_start": [FEBRUARY, MARCH], "release": file.sha256}
            ),
            cast=True,
        )  # fmt: skip
        release = Release(
            sha256=file.sha256, source="time_series", file_name="t.xls", periods=[FEBRUARY, MARCH],
            period_end=date(2024, 3, 31), metrics=["within"], status="final", published=None,
            retrieved=date(2024, 6, 1), url="https://example.org/", licence="OGL", synthetic=False,
        )  # fmt: skip
        observations = Observations.validate(rows.select(Observations.column_names()), cast=True)
        filled.add(release, file, Publication(observations, names))
        return reconcile(with_published({"source": "time_series", "metric": "within"} | options), filled)

    return one


def test_another_publications_row_of_england_is_compared_by_the_measures_own_metrics(with_published, filled):
    file = SourceFile("t.xls", "t.xls", b"a time series of counts")
    rows = pl.DataFrame(
        {"metric": ["attendances_type_1", "over_four_hours_type_1"], "value": [1500.0, 600.0]}
    ).with_columns(
        pl.lit("time_series").alias("source"), pl.lit("ENG").alias("org_code"), pl.lit("").alias("breakdown"),
        pl.lit("").alias("category"), pl.lit(file.sha256).alias("release"), period_start=pl.lit(MARCH),
        period_end=pl.lit(date(2024, 3, 31)), status=pl.lit("reported"),
    )  # fmt: skip
    names = pl.DataFrame(
        {
            "org_code": "ENG",
            "org_name": "England",
            "parent_name": "",
            "system_code": None,
            "period_start": [MARCH],
            "release": file.sha256,
        }
    )
    release = Release(
        sha256=file.sha256, source="time_series", file_name="t.xls", periods=[MARCH], period_end=date(2024, 3, 31),
        metrics=["attendances_type_1", "over_four_hours_type_1"], status="final", published=None,
        retrieved=date(2024, 6, 1), url="https://example.org/", licence="OGL", synthetic=False,
    )  # fmt: skip
    observations = Observations.validate(rows.select(Observations.column_names()), cast=True)
    filled.add(release, file, Publication(observations, Organisations.validate(names, cast=True)))
    [_, row] = reconcile(with_published({"source": "time_series"}), filled).rows(named=True)
    expected = (MARCH, OURS, 100 * (1500 - 600) / 1500, "unexplained")
    assert (row["period_start"], row["ours"], row["published"], row["verdict"]) == expected


OURS = 100 * 1000 / 1500  # 66.666…


@pytest.mark.parametrize(
    ("figure", "decimals", "verdict"),
    [
        (OURS, None, "agrees"),
        (66.7, 1, "agrees"),
        (66.6, 1, "unexplained"),
        (66.7, None, "unexplained"),
        (67, 0, "agrees"),
        (66, 0, "unexplained"),
    ],
)
def test_a_rounded_figure_agrees_if_ours_rounds_to_it(beside, figure, decimals, verdict):
    found = beside(figure, decimals=decimals)
    assert found.select("period_start", "verdict").rows() == [(FEBRUARY, "unpublished"), (MARCH, verdict)]


def test_a_fraction_is_brought_to_the_unit_of_the_measure(beside):
    assert beside(1000 / 1500, scale=100)["verdict"].to_list() == ["unpublished", "agrees"]


@pytest.mark.parametrize(
    ("date_from", "date_to", "verdict", "reason"),
    [
        (MARCH, MARCH, "explained", "Revised since."),
        (FEBRUARY, FEBRUARY, "unexplained", ""),
        (FEBRUARY, MARCH, "explained", "Revised since."),
    ],
)
def test_a_difference_is_explained_by_an_entry_that_holds_its_month(beside, date_from, date_to, verdict, reason):
    known = [{"reason": "Revised since.", "from": str(date_from), "to": str(date_to)}]
    found = beside(60.0, differences=known).filter(pl.col("period_start") == MARCH)
    assert found.select("verdict", "reason").rows() == [(verdict, reason)]
    assert found["difference"].item() == pytest.approx(OURS - 60)


def test_a_reason_is_not_given_where_nothing_differs(beside):
    known = [{"reason": "Revised since.", "from": str(MARCH), "to": str(MARCH)}]
    found = beside(OURS, differences=known)
    assert found.select("verdict", "reason").rows() == [("unpublished", ""), ("agrees", "")]


def test_a_month_that_is_not_published_has_nothing_beside_it_and_needs_no_reason(beside):
    known = [{"reason": "Revised since.", "from": str(FEBRUARY), "to": str(MARCH)}]
    found = beside(OURS, differences=known).filter(pl.col("period_start") == FEBRUARY)
    assert found.select("ours", "published", "difference", "reason").rows() == [(100 * 1100 / 1500, None, None, "")]
    assert lines(beside(OURS)) == ["Total row: 1 of 1 month agree (March 2024), 1 month without a figure there"]


def test_a_publication_that_is_not_here_has_no_figure_for_any_month(with_published, filled):
    found = reconcile(with_published({"source": "time_series", "metric": "within"}), filled)
    assert found.schema == pl.Schema(COLUMNS)
    assert found["verdict"].to_list() == ["unpublished", "unpublished"]
    assert lines(found) == ["Total row: no figure to compare with in 2 months (February 2024 to March 2024)"]


# ---- a total that only another edition gives


@pytest.fixture
def without_total(filled, ae_file):
    """Add March 2024 once more, in an edition that has no total: its over-four-hours figure, and its status."""

    def added(over, status):
        file = ae_file(("RJ1", 500, 100), ("RC9", 1000, over))  # other bytes, also where the figures are the same
        read = ae_monthly.read(file)
        release = Release(
            sha256=file.sha256, source="ae_monthly", file_name="extract.csv", periods=[MARCH],
            period_end=date(2024, 3, 31), metrics=["within"] * 99, status=status, published=None,
            retrieved=date(2024, 6, 1), url="https://example.org/", licence="OGL", synthetic=False,
        )  # fmt: skip
        filled.add(
            release, file, Publication(read.observations.filter(pl.col("org_code") != "ENG"), read.organisations)
        )
        return filled

    return added


@pytest.mark.parametrize(
    ("over", "status", "verdict", "reason"),
    [
        (390, "final", "explained", EARLIER),
        (390, "provisional", "unexplained", ""),  # neither edition is the later one, so that both should agree
        (390 + 10, "final", "agrees", ""),
    ],
)
def test_a_total_is_that_of_the_newest_edition_with_one(with_published, without_total, over, status, verdict, reason):
    found = reconcile(with_published({}), without_total(over, status)).filter(pl.col("period_start") == MARCH)
    ours = 100 * (1500 - over - 100) / 1500
    assert found.select("ours", "published", "verdict", "reason").rows() == [
        (pytest.approx(ours), 100 * 1000 / 1500, verdict, reason)
    ]


def test_a_metric_without_its_source_is_refused():
    with pytest.raises(ValueError, match="'metric' needs 'source'"):
        Published.model_validate(TOTAL | {"metric": "within"})


def test_each_organisation_may_be_compared_with_its_own_published_figure(with_published, filled, measure):
    """A tenth of its attendances stands for a percentage that the publication has of each trust: 100 and 50."""
    tenth = {"metric": "attendances_type_1", "source": "ae_monthly", "scale": 0.1, "each_organisation": True}
    found = reconcile(with_published(tenth), filled)
    assert found.select("org_code", "period_start", "ours", "published", "verdict").rows() == [
        ("RC9", FEBRUARY, 70.0, 100.0, "unexplained"),
        ("RC9", MARCH, 60.0, 100.0, "unexplained"),
        ("RJ1", FEBRUARY, 80.0, 50.0, "unexplained"),
        ("RJ1", MARCH, 80.0, 50.0, "unexplained"),
    ]
    assert lines(found) == [
        "Total row: 0 of 4 figures agree (February 2024 to March 2024), 4 differ and we do not know why"
    ]
    rounded = reconcile(with_published(tenth | {"scale": 0.0604, "decimals": 0}), filled)  # 60.4 and 30.2
    assert rounded.filter(pl.col("verdict") == "agrees").select("org_code", "period_start").rows() == [("RC9", MARCH)]


@pytest.fixture
def divided(with_published, filled, ae_file):
    """March 2024 with types: RC9 is a trust and RJ1 a centre; the publication has England's row of trusts, too."""
    file = ae_file(("RC9", 1000, 400), ("RJ1", 500, 200))
    read = ae_monthly.read(file)
    of = pl.col("org_code").replace_strict({"RC9": "trusts", "RJ1": "centres"}, default="trusts")
    figure = {"attendances_type_1": 1000.0, "over_four_hours_type_1": 300.0}
    mine = pl.col("metric").replace_strict(figure, default=None, return_dtype=pl.Float64)
    parts = read.observations.filter(pl.col("metric").is_in(list(figure))).with_columns(
        breakdown=pl.lit("type"),
        category=of,
        value=pl.when(pl.col("org_code") == "ENG").then(mine).otherwise("value"),
    )
    release = Release(
        sha256=file.sha256, source="ae_monthly", file_name="types.csv", periods=[MARCH], period_end=date(2024, 3, 31),
        metrics=["within"] * 99, status="final", published=None, retrieved=date(2024, 6, 1),
        url="https://example.org/", licence="OGL", synthetic=False,
    )  # fmt: skip
    filled.add(release, file, Publication(pl.concat([read.observations, parts]), read.organisations))

    def compared(category):
        return reconcile(with_published({"breakdown": "type", "category": category}), filled)

    return compared


def test_a_part_is_compared_with_the_publications_row_of_that_part(divided):
    """Of the trusts ours is RC9's 600 of 1000, theirs 700 of 1000; nobody publishes centres: 300 of 500."""
    columns = ("period_start", "ours", "published", "verdict")
    assert divided("trusts").select(columns).rows() == [(MARCH, 60.0, 70.0, "unexplained")]
    assert divided("centres").select(columns).rows() == [(MARCH, 60.0, None, "unpublished")]


@pytest.mark.parametrize(
    "entry",
    [{"breakdown": "type"}, {"category": "trusts"},
     {"breakdown": "type", "category": "trusts", "source": "ae_monthly", "metric": "within"}],
)  # fmt: skip
def test_a_part_needs_its_breakdown_and_is_no_metric(entry):
    with pytest.raises(ValueError, match="'breakdown' and 'category' need each other, and go without 'metric'"):
        Published.model_validate(TOTAL | entry)


def test_figures_of_each_organisation_need_their_metric():
    with pytest.raises(ValueError, match="'each_organisation' needs 'metric'"):
        Published.model_validate(TOTAL | {"each_organisation": True})


def test_the_summary_counts_each_verdict(with_published, filled):
    found = reconcile(with_published({}, {"title": "Again"}), filled).with_columns(
        verdict=pl.Series(["agrees", "explained", "unpublished", "unexplained"]).cast(COLUMNS["verdict"])
    )
    assert summarise(found).select("published_in", "first", "last", "months", *Verdict).rows() == [
        ("Total row", FEBRUARY, MARCH, 2, 1, 1, 0, 0),
        ("Again", MARCH, MARCH, 1, 0, 0, 1, 1),
    ]


def test_what_is_found_in_words(with_published, filled):
    found = reconcile(with_published({}), filled)
    assert lines(found) == ["Total row: 2 of 2 months agree (February 2024 to March 2024)"]
    known = found.with_columns(verdict=pl.Series(["explained", "unexplained"]).cast(COLUMNS["verdict"]))
    assert lines(known) == [
        "Total row: 0 of 2 months agree (February 2024 to March 2024), 1 differs for a known reason, 1 differs and we "
        "do not know why"
    ]


# Of SHMI no figure for England is published: it is what trusts are set against. Trusts' own are held in test_banding.
WITHOUT_ENGLAND = {"shmi"}


@pytest.mark.parametrize("measure_id", [measure.id for measure in definitions.load_all()])
def test_every_difference_in_the_sample_has_its_reason(measure_id, sample_folder):
    found = reconcile(definitions.find(measure_id), Store(sample_folder))
    assert (found.height > 0) == (measure_id not in WITHOUT_ENGLAND)
    assert found.filter(pl.col("verdict") == Verdict.UNEXPLAINED.value).is_empty()


# ---- rounded and suppressed figures


@pytest.fixture
def rounded(monkeypatch, with_published, filled):
    """Attendances as if rounded to 5, those over four hours as if their percentage; England's row as it is given."""

    def one(percentage):
        update = {
            "numerator": definitions.Part(text="over", label="over", percentage="over_four_hours_type_1"),
            "disclosure": definitions.Disclosure(
                rounded_to=5,
                suppressed_below=5,
                zero_suppressed=True,
                percentage_decimals=0,
                england_percentage_decimals=1,
            ),
        }
        measure = with_published({"decimals": 1}).model_copy(update=update)
        rows = filled.observations("ae_monthly")
        of = {("RC9", "over_four_hours_type_1"): 40.0, ("RJ1", "over_four_hours_type_1"): 25.0}
        of |= {("ENG", "over_four_hours_type_1"): percentage}
        figure = pl.struct("org_code", "metric").map_elements(
            lambda row: of.get((row["org_code"], row["metric"])), return_dtype=pl.Float64
        )
        published = rows.with_columns(value=pl.coalesce(figure, "value")).filter(pl.col("period_start") == MARCH)
        monkeypatch.setattr(Store, "observations", lambda *_, **__: published)
        monkeypatch.setattr(Store, "totals", lambda *_: published.filter(org_code="ENG"))
        return reconcile(measure, filled).select("ours", "published", "verdict").rows()

    return one


# 1000 at 40 % and 500 at 25 %: 39.5 % of 998 to 40.5 % of 1002, and 24.5 % of 498 to 25.5 % of 502.
LEAST = 100 * (0.395 * 998 + 0.245 * 498) / (0.395 * 998 + 0.245 * 498 + 0.605 * 1002 + 0.755 * 502)
GREATEST = 100 * (0.405 * 1002 + 0.255 * 502) / (0.405 * 1002 + 0.255 * 502 + 0.595 * 998 + 0.745 * 498)


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        (35.0, "agrees"),
        (LEAST - 0.049, "agrees"),
        (LEAST - 0.051, "unexplained"),
        (GREATEST + 0.049, "agrees"),
        (GREATEST + 0.051, "unexplained"),
    ],
)
def test_rounded_organisations_agree_with_what_they_leave_possible(rounded, published, verdict):
    assert rounded(published) == [(pytest.approx((400 + 125) / 15), pytest.approx(published), verdict)]

"""What the workbooks of A&E statistics call the same thing, and what it is called here.

The monthly provider workbook and the national time series share these headings; the CSV has its own. "Booked" are
appointments made beforehand, which have been counted since `BOOKED_FROM`.
"""

from datetime import date

SOURCE = "ae_monthly"

# From the notes of NHS England's time series: activity from August 2020 includes booked appointments.
BOOKED_FROM = date(2020, 8, 1)

# Type 3 holds every other department, walk-in centres (type 4) included.
DEPARTMENTS = {
    "Type 1 Departments - Major A&E": "type_1",
    "Type 2 Departments - Single Specialty": "type_2",
    "Type 3 Departments - Other A&E/Minor Injury Unit": "type_3",
}
# The titles above the departments' headings, which are the same in each group.
ATTENDED = "A&E attendances"
WITHIN = "A&E attendances less than 4 hours from arrival to admission, transfer or discharge"
LATE = "A&E attendances greater than 4 hours from arrival to admission, transfer or discharge"
BOOKED_ATTENDED = "A&E Booked Appointment attendances"
BOOKED_LATE = (
    "A&E Booked Appointments attendances greater than 4 hours from arrival to admission, transfer or discharge"
)

OVER_FOUR_HOURS_TO_ADMISSION = "dta_waits_over_four_hours"  # those of more than twelve included
OVER_TWELVE_HOURS_TO_ADMISSION = "dta_waits_over_twelve_hours"
ADMISSIONS = {
    "Emergency Admissions via Type 1 A&E": "emergency_admissions_type_1",
    "Emergency Admissions via Type 2 A&E": "emergency_admissions_type_2",
    "Emergency Admissions via Type 3 and 4 A&E": "emergency_admissions_type_3",
    "Other Emergency Admissions (i.e not via A&E)": "other_emergency_admissions",
    "Number of patients spending >4 hours from decision to admit to admission": OVER_FOUR_HOURS_TO_ADMISSION,
    "Number of patients spending >12 hours from decision to admit to admission": OVER_TWELVE_HOURS_TO_ADMISSION,
}
# Fractions of one, booked appointments included, without the trusts that field-tested other standards.
SHARES = {
    "Percentage in 4 hours or less (all)": "within_four_hours_share",
    **{f"Percentage in 4 hours or less (type {kind})": f"within_four_hours_share_type_{kind}" for kind in (1, 2, 3)},
}


def by_department(title: str, metric: str) -> dict[str, str]:
    """Return the headings of one group, as `tables.find` takes them with a band, and their metrics.

    >>> list(by_department("A&E attendances", "attendances").items())[0]
    ('A&E attendances | Type 1 Departments - Major A&E', 'attendances_type_1')
    """
    return {f"{title} | {heading}": f"{metric}_{kind}" for heading, kind in DEPARTMENTS.items()}

//! What the program ends with: `aioinfo(8)`, "EXIT STATUS".

use crate::report::{Report, Verdict};

/// All went well; the process has contexts; AIO works.
pub(crate) const GOOD: u8 = 0;
/// The process has no contexts; AIO does not work, or a part of it does not.
pub(crate) const NOT_SO: u8 = 1;
/// The command line is wrong.
pub(crate) const WRONG_USAGE: u8 = 2;
/// Something could not be looked at.
pub(crate) const UNKNOWN: u8 = 3;

/// Of a survey; of all processes, or of some that were asked for.
pub(crate) fn of_survey(report: &Report, is_of_some: bool) -> u8 {
    let Some(survey) = &report.survey else {
        return UNKNOWN;
    };
    if !survey.refused.is_empty() {
        UNKNOWN
    } else if is_of_some && survey.totals.contexts + survey.totals.served_contexts == 0 {
        NOT_SO
    } else {
        GOOD
    }
}

/// Of a check.
pub(crate) fn of_check(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Works => GOOD,
        Verdict::WorksInPart | Verdict::Refused => NOT_SO,
        Verdict::NotTried => UNKNOWN,
    }
}

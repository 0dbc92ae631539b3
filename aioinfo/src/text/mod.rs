//! What is printed, as text.

mod checked;
mod detail;
mod notes;
mod overview;
mod style;
mod table;

use crate::report::{Report, System};

pub(crate) use detail::Detail;
pub(crate) use style::Style;

/// A report as text.
pub(crate) fn text(report: &Report, detail: Detail, style: &Style) -> String {
    let mut text = limits(&report.system, style);
    if let Some(survey) = &report.survey {
        match detail {
            Detail::Processes => overview::add(&mut text, survey, style),
            Detail::Contexts => detail::add(&mut text, survey, style),
        }
        notes::add(&mut text, survey, detail);
    }
    if let Some(check) = &report.check {
        checked::add(&mut text, check, style);
    }
    text
}

/// `fs.aio-nr 1152 of fs.aio-max-nr 65536 (1.8 %)`
fn limits(system: &System, style: &Style) -> String {
    match (system.aio_nr, system.aio_max_nr) {
        (Some(used), Some(most)) => {
            let percent = used as f64 * 100.0 / most.max(1) as f64;
            let line = format!("fs.aio-nr {used} of fs.aio-max-nr {most} ({percent:.1} %)");
            let line = match percent {
                ..80.0 => line,
                80.0..95.0 => style.warning(&line),
                _ => style.alarm(&line),
            };
            line + "\n"
        }
        _ => "fs.aio-nr is not there: the kernel has no AIO, or /proc/sys cannot be read\n"
            .to_owned(),
    }
}

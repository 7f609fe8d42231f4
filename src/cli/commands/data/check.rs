//! `fastburn data check`: the problems of a data set.

use std::cmp::Reverse;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use fastburn::printable;
use fastburn::vision::{ClassCount, DataCheck, Finding, Fix, FormatCount, Problem, Severity};

use crate::cli::arguments::data::{DATA, FileOptions};
use crate::cli::arguments::images::{Size, channels};
use crate::cli::output::print::table;

/// The largest number of classes to list in full; beyond it, only some are listed.
const CLASSES: usize = 30;
/// The number of largest and of smallest classes to list then.
const OF_EACH_END: usize = 10;
/// The number of image sizes to list, since each photo may have its own.
const SIZES: usize = 10;
/// The number of duplicate images to list.
const DUPLICATES: usize = 10;

/// The rules of the check, printed below the options.
const RULES: &str = "\
Every file is decoded in full. The data is not fit for training if
  a file is not a complete image, or a folder or link cannot be listed;
  there are fewer than two classes, or a class is empty or in one part only;
  images differ in size, unless --size is given;
  grey and colour images are mixed, unless --channels or --size is given.
There is a warning if
  an image occurs twice: in both parts, in two classes, or in one class;
  a class has ten times as many images as another, or fewer than 10;
  files are ignored because they are not images.

Exit code: 0 if the data is fit for training, 1 if not.

Examples:
  fastburn data check photos
  fastburn data check photos --size 64";

#[derive(Debug, clap::Args)]
#[command(after_help = RULES)]
pub struct Arguments {
    #[arg(help = DATA)]
    data: PathBuf,
    #[command(flatten)]
    files: FileOptions,
    /// Assume that training resizes to SIZE
    #[arg(long, value_parser = Size::parse, help_heading = "Images")]
    size: Option<Size>,
    /// Assume that training converts to grey (1) or colour (3)
    #[arg(long, value_parser = channels(), help_heading = "Images")]
    channels: Option<usize>,
    /// Print one JSON object with all findings instead of the tables
    #[arg(long, help_heading = "Output")]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut check = arguments.files.check(&arguments.data)?;
    if arguments.size.is_some() {
        check = check.with_fix(Fix::Size);
    }
    if arguments.channels.is_some() {
        check = check.with_fix(Fix::Channels);
    }
    let mut out = stdout().lock();
    if arguments.json {
        let mut line = serde_json::to_value(&check)?;
        line["fit"] = check.is_fit().into();
        writeln!(out, "{line}")?;
    } else {
        write!(out, "{}\n{}\n", class_table(&check), size_table(&check.formats))?;
        write_findings(&mut out, &check)?;
    }
    Ok(if check.is_fit() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Formats the number of images of each class in each part.
fn class_table(check: &DataCheck) -> String {
    let counts = |images: &mut dyn Iterator<Item = Option<usize>>| {
        let mut cells = images.map(|images| images.map_or("-".to_owned(), |n| n.to_string()));
        [cells.next().unwrap_or_default(), cells.next().unwrap_or_default()]
    };
    let row = |name: &str, [first, second]: [String; 2]| [name.to_owned(), first, second];
    let class = |class: &&ClassCount| row(&class.name, counts(&mut class.images.iter().copied()));
    let all = |part: usize| check.classes.iter().filter_map(|class| class.images[part]).sum();
    let names = match &check.parts[..] {
        [train, valid] => [train.clone(), valid.clone()],
        _ => ["images".to_owned(), String::new()],
    };

    let mut rows = vec![row("class", names)];
    if check.classes.len() <= CLASSES {
        rows.extend(check.classes.iter().map(|of_class| class(&of_class)));
    } else {
        let mut classes: Vec<_> = check.classes.iter().collect();
        classes.sort_by_key(|class| Reverse(class.images.first().copied().flatten()));
        let (largest, rest) = classes.split_at(OF_EACH_END);
        let (others, smallest) = rest.split_at(rest.len() - OF_EACH_END);
        rows.extend(largest.iter().map(class));
        rows.push(row(&format!("({} more)", others.len()), Default::default()));
        rows.extend(smallest.iter().map(class));
    }
    rows.push(row("all", counts(&mut (0..check.parts.len()).map(|part| Some(all(part))))));
    let balance = match check.extremes() {
        Some([(largest, most), (smallest, fewest)]) if largest != smallest => {
            let (largest, smallest) = (printable(largest), printable(smallest));
            let ratio = most as f64 / fewest as f64;
            format!("largest class: {largest}, smallest: {smallest}, ratio {ratio:.1}\n")
        }
        _ => String::new(),
    };
    table(&rows) + &balance
}

/// Formats the image sizes, with an example of each but the most frequent.
fn size_table(formats: &[FormatCount]) -> String {
    let cells = |size: &str, colour: &str, images: String, example: &str| {
        [size.to_owned(), colour.to_owned(), images, example.to_owned()]
    };
    let mut rows = vec![cells("size", "", "images".to_owned(), "")];
    for (index, format) in formats.iter().take(SIZES).enumerate() {
        let colour = if format.channels == 1 { "grey" } else { "colour" };
        let example = if index == 0 { "" } else { &format.example };
        let size = format!("{}×{}", format.width, format.height);
        rows.push(cells(&size, colour, format.images.to_string(), example));
    }
    if let Some(others) = formats.get(SIZES..).filter(|others| !others.is_empty()) {
        let images: usize = others.iter().map(|format| format.images).sum();
        let sizes = format!("of {} more sizes", others.len());
        rows.push(cells("others", "", images.to_string(), &sizes));
    }
    table(&rows)
}

/// Writes one line per finding, and the verdict.
fn write_findings(out: &mut impl Write, check: &DataCheck) -> Result<()> {
    let is_duplicate = |finding: &&Finding| matches!(finding.problem, Problem::SameImage { .. });
    let mut duplicates = 0;
    for finding in &check.findings {
        if is_duplicate(&finding) {
            duplicates += 1;
            if duplicates > DUPLICATES {
                continue;
            }
        }
        let severity = match finding.severity {
            Severity::Unfit => "unfit  ",
            Severity::Warning => "warning",
        };
        let fix = finding.fixed_by.map(|fix| format!("; fixed by {}", option(fix)));
        let problem = printable(&finding.problem.to_string());
        writeln!(out, "{severity}  {problem}{}", fix.unwrap_or_default())?;
    }
    if duplicates > DUPLICATES {
        let more = duplicates - DUPLICATES;
        writeln!(out, "warning  {more} more duplicate images; --json lists them")?;
    }
    if !check.findings.is_empty() {
        writeln!(out)?;
    }
    let of = |severity| check.findings.iter().filter(move |finding| finding.severity == severity);
    let (unfit, warnings) = (of(Severity::Unfit).count(), of(Severity::Warning).count());
    let fixes: Option<Vec<_>> = of(Severity::Unfit).map(|finding| finding.fixed_by).collect();
    let verdict = match fixes {
        Some(fixes) if fixes.is_empty() => "fit for training".to_owned(),
        Some(fixes) => {
            // A size settles the channels as well.
            let fix = if fixes.contains(&Fix::Size) { Fix::Size } else { Fix::Channels };
            format!("not fit for training; fixed by {}", option(fix))
        }
        None => format!("not fit for training: {}", counted(unfit, "problem")),
    };
    match warnings {
        0 => writeln!(out, "{verdict}")?,
        _ => writeln!(out, "{verdict}; {}", counted(warnings, "warning"))?,
    }
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// The option of `train` that fixes a problem.
fn option(fix: Fix) -> &'static str {
    match fix {
        Fix::Size => "--size",
        Fix::Channels => "--channels",
    }
}

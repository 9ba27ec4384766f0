//! The `list` command.

use anstyle::AnsiColor;

use super::Context;
use crate::core::list::{Detail, ListReply, ListRequest, ListedState, Selection, list};
use crate::core::rotation::{DueKey, due};
use crate::error::Result;
use crate::names::{Service, printable};
use crate::session::{format_duration, now};
use crate::ui::{Cell, Piped, Table, Ui};

#[derive(clap::Args)]
pub(super) struct List {
    #[command(flatten)]
    request: ListRequest,
    /// Show folders as a tree
    #[arg(long)]
    tree: bool,
    /// Only services with a key due for rotation; see set --rotate-after
    #[arg(long, conflicts_with_all = ["tree", "long", "deleted"])]
    due: bool,
}

impl List {
    /// Lists the services with a key due for rotation or, for one service, the keys that are due.
    async fn due(&self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        let reply = context
            .waiting(due(&context.core, self.request.what.as_ref()))
            .await?;
        if ui.json() {
            ui.data_json(&reply)?;
            return Ok(0);
        }
        let is_one = matches!(self.request.what, Some(Selection::Service(_)));
        let name = |key: &DueKey| {
            if is_one {
                printable(&key.key, false)
            } else {
                key.service.to_string()
            }
        };
        let mut names: Vec<String> = reply.due.iter().map(name).collect();
        names.dedup();
        ui.data(&lines(&names))?;
        reply.warnings.iter().for_each(|warning| ui.warn(warning));
        if names.is_empty() {
            ui.note("no rotation is due");
        }
        Ok(0)
    }

    pub(super) async fn run(self, context: &Context<'_>) -> Result<u8> {
        let ui = context.ui;
        if self.due {
            return self.due(context).await;
        }
        let reply = context.waiting(list(&context.core, &self.request)).await?;
        if ui.json() {
            ui.data_json(&reply)?;
            return Ok(0);
        }
        match reply {
            ListReply::Services {
                path,
                services,
                others,
                details,
                warnings,
            } => {
                self.print_services(ui, &services, &details)?;
                if services.is_empty() {
                    ui.note(&self.nothing(&path));
                }
                if others > 0 {
                    let entries = match others {
                        1 => "1 more entry there has a name",
                        many => &format!("{many} more entries there have names"),
                    };
                    ui.note(&format!("{entries} that no service can have"));
                }
                warnings.iter().for_each(|warning| ui.warn(warning));
            }
            ListReply::Keys {
                service,
                version,
                created,
                updated,
                keys,
                rotate_after,
                warnings,
            } => {
                ui.data(&lines(&keys))?;
                let rotation = rotate_after
                    .map(|after| format!(", rotate after {after}"))
                    .unwrap_or_default();
                let (created, updated) = (utc_minute(&created), utc_minute(&updated));
                ui.note(&format!(
                    "{service}: version {version}, created {created}, updated {updated}{rotation}"
                ));
                warnings.iter().for_each(|warning| ui.warn(warning));
            }
        }
        Ok(0)
    }

    fn print_services(&self, ui: &Ui, services: &[Service], details: &[Detail]) -> Result<()> {
        let shown = if self.tree {
            tree(services)
        } else {
            services.iter().map(ToString::to_string).collect()
        };
        let of = |service: &Service| details.iter().find(|detail| detail.service == *service);
        ui.data(&match (self.request.long, self.tree) {
            (true, true) => table(ui, tree_rows(services, shown, of)),
            (true, false) => table(ui, shown.into_iter().zip(services.iter().map(of))),
            (false, _) => lines(&shown),
        })
    }

    fn nothing(&self, path: &str) -> String {
        match (self.request.deleted, self.request.what.is_some()) {
            (true, _) => "no deleted services there".into(),
            (false, true) => {
                format!("no service in {path} matches; to list all: claude-vault list")
            }
            (false, false) => {
                format!("no services in {path} yet; to add one: claude-vault set SERVICE KEY")
            }
        }
    }
}

fn lines(names: &[String]) -> String {
    names.iter().fold(String::new(), |text, name| {
        text + &printable(name, false) + "\n"
    })
}

/// The last part of each name, indented below its folders. The names must be sorted.
fn tree(services: &[Service]) -> Vec<String> {
    let mut shown = Vec::new();
    let mut above: Vec<&str> = Vec::new();
    for service in services {
        let mut parts: Vec<&str> = service.as_str().split('/').collect();
        let name = parts.pop().unwrap_or_default();
        let same = above
            .iter()
            .zip(&parts)
            .take_while(|(one, other)| one == other)
            .count();
        for (depth, folder) in parts.iter().enumerate().skip(same) {
            shown.push(format!("{}{folder}/", "  ".repeat(depth)));
        }
        shown.push(format!("{}{name}", "  ".repeat(parts.len())));
        above = parts;
    }
    shown
}

/// Pairs the lines of a tree with the details of their services. Lines of folders have none.
fn tree_rows<'a>(
    services: &'a [Service],
    shown: Vec<String>,
    of: impl Fn(&'a Service) -> Option<&'a Detail>,
) -> Vec<(String, Option<&'a Detail>)> {
    let mut services = services.iter();
    let mut row = |line: String| {
        let detail = if line.ends_with('/') {
            None
        } else {
            services.next().and_then(&of)
        };
        (line, detail)
    };
    shown.into_iter().map(&mut row).collect()
}

fn table<'a>(ui: &Ui, rows: impl IntoIterator<Item = (String, Option<&'a Detail>)>) -> String {
    let mut table = Table::new(
        &["SERVICE", "VERSION", "AGE", "KEYS", "ROTATE AFTER"],
        Piped::Aligned,
    );
    for (name, detail) in rows {
        let Some(detail) = detail else {
            table.row([name.into(), "".into(), "".into(), "".into(), "".into()]);
            continue;
        };
        let number = |number: Option<u64>| {
            number
                .map_or_else(|| "-".to_owned(), |number| number.to_string())
                .into()
        };
        let keys: Cell = match detail.state {
            ListedState::Present => number(detail.keys.map(|keys| keys as u64)),
            ListedState::Deleted => Cell::colored("deleted", AnsiColor::Yellow),
            ListedState::Forbidden => Cell::colored("forbidden", AnsiColor::Yellow),
        };
        let age = detail
            .updated
            .as_deref()
            .and_then(age)
            .unwrap_or_else(|| "-".into());
        let rotation = detail.rotate_after.as_deref().unwrap_or("-");
        table.row([
            name.into(),
            number(detail.version),
            age.into(),
            keys,
            rotation.into(),
        ]);
    }
    table.text(ui)
}

/// How long ago an RFC 3339 time is, or `None` if it cannot be parsed.
fn age(time: &str) -> Option<String> {
    let written = time.parse::<jiff::Timestamp>().ok()?.as_second();
    Some(format_duration(u64::try_from(now() - written).unwrap_or(0)))
}

/// Formats an RFC 3339 time in UTC, to the minute. Returns any other text unchanged.
pub(super) fn utc_minute(time: &str) -> String {
    time.parse::<jiff::Timestamp>().map_or_else(
        |_| time.to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_tree_shows_each_folder_once_above_its_services() {
        let services: Vec<Service> = ["a", "a/b/c", "a/b/d", "a/x", "b"]
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        assert_eq!(
            tree(&services),
            ["a", "a/", "  b/", "    c", "    d", "  x", "b"]
        );
        let rows = tree_rows(&services, tree(&services), |_| None);
        assert_eq!(rows.len(), 7);
    }
}

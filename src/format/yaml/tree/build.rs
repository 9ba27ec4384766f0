//! Builds the nodes of a YAML text from the events of granit-parser.

use std::ops::Range;

use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput};
use zeroize::Zeroizing;

use super::{Malformed, Node, NodeKind, NodeStyle};

fn options() -> Options {
    let mut options = Options::default();
    options.block_scalar_eof_without_line_feed = true;
    options.emit_anchor_events = true;
    options.max_buffered_comment_events = usize::MAX;
    options
}

pub(super) fn is_node(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_)
    )
}

/// Builds nodes from events. Events carry the spans of tokens; the spans of nodes are derived from
/// them and from the text in between.
pub(super) struct Builder<'text> {
    text: &'text str,
    parser: Parser<'text, StrInput<'text>>,
    /// The byte offset of each line.
    lines: Vec<usize>,
    /// All text before this byte is already consumed.
    last: usize,
    comments: Vec<Range<usize>>,
}

impl<'text> Builder<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        let parser = Parser::new_from_str_with_options(text, options());
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            text,
            parser,
            lines,
            last: 0,
            comments: Vec::new(),
        }
    }

    /// The byte ranges of the comments, in order.
    pub(super) fn comments(self) -> Vec<Range<usize>> {
        let mut comments = self.comments;
        comments.sort_by_key(|comment| comment.start);
        comments
    }

    /// The line number of a byte, from 1.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// The next event other than a comment.
    pub(super) fn next(&mut self) -> Result<Option<(Event<'text>, Span)>, Malformed> {
        for next in self.parser.by_ref() {
            let (event, span) = next.map_err(|error| malformed(&error))?;
            if let Event::Comment(..) = event {
                self.comments.push(bytes(span));
                continue;
            }
            if let Event::DocumentStart(..) = event {
                self.last = self.last.max(bytes(span).end);
            }
            return Ok(Some((event, span)));
        }
        Ok(None)
    }

    fn expected(&mut self) -> Result<(Event<'text>, Span), Malformed> {
        let line = self.lines.len();
        self.next()?.ok_or_else(|| Malformed {
            line,
            reason: "it ends too early".into(),
        })
    }

    pub(super) fn node(&mut self, event: Event<'text>, span: Span) -> Result<Node, Malformed> {
        let own = bytes(span);
        let tag = span.tag_span().and_then(|tag| tag.byte_range());
        let has_anchor = match &event {
            Event::Scalar(_, _, id, _)
            | Event::SequenceStart(_, id, _)
            | Event::MappingStart(_, id, _) => *id != 0,
            _ => false,
        };
        let anchor = if has_anchor {
            Some(bytes(self.expected()?.1))
        } else {
            None
        };
        let (kind, span) = match event {
            Event::Scalar(text, style, ..) => self.scalar(&text, style, own),
            Event::SequenceStart(..) => self.list(own)?,
            Event::MappingStart(..) => self.map(own)?,
            _ => (
                NodeKind::Alias(
                    self.text
                        .get(own.start + 1..own.end)
                        .unwrap_or_default()
                        .to_owned(),
                ),
                own,
            ),
        };
        self.last = self.last.max(span.end);
        let first = [&tag, &anchor]
            .into_iter()
            .flatten()
            .map(|range| range.start)
            .min();
        let slice = |range: Option<Range<usize>>| {
            range
                .and_then(|range| self.text.get(range))
                .map(str::to_owned)
        };
        Ok(Node {
            start: first.unwrap_or(span.start).min(span.start),
            line: self.line(span.start),
            tag: slice(tag),
            anchor: slice(anchor).map(|name| name.trim_start_matches('&').to_owned()),
            span,
            kind,
        })
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        own: Range<usize>,
    ) -> (NodeKind, Range<usize>) {
        let style = NodeStyle::from(style);
        let is_block = matches!(style, NodeStyle::Literal | NodeStyle::Folded);
        let span = if is_block {
            self.block_scalar(&own)
        } else {
            own
        };
        // The parser returns "~" for an absent value.
        let text = if style == NodeStyle::Plain && span.is_empty() {
            ""
        } else {
            text
        };
        (
            NodeKind::Scalar {
                text: Zeroizing::new(text.to_owned()),
                style,
            },
            span,
        )
    }

    /// The span from the header to the last line of the content. The parser's own span excludes the
    /// header and extends to the next token.
    fn block_scalar(&self, own: &Range<usize>) -> Range<usize> {
        let header = self
            .find(self.last, |rest| rest.starts_with(['|', '>']))
            .unwrap_or(own.start);
        let line_end = self.text[header..]
            .find(['\r', '\n'])
            .map_or(self.text.len(), |length| header + length);
        let keeps = self.text[header..]
            .bytes()
            .skip(1)
            .take_while(|byte| b"+-0123456789".contains(byte))
            .any(|byte| byte == b'+');
        let indicators = self.text[header..]
            .find(|c: char| c.is_whitespace())
            .map_or(self.text.len(), |length| header + length);
        let indent = own.start
            - self.text[..own.start]
                .rfind(['\r', '\n'])
                .map_or(0, |at| at + 1);
        let mut end = own.end.max(indicators);
        while end > line_end {
            let line_start = self.text[..end].rfind(['\r', '\n']).map_or(0, |at| at + 1);
            let line = &self.text[line_start..end];
            if !line.trim().is_empty() || line.len() > indent {
                break;
            }
            end = line_start
                - self.text[..line_start]
                    .strip_suffix("\r\n")
                    .map_or(1, |_| 2);
            if keeps {
                break;
            }
        }
        header..if end <= line_end { indicators } else { end }
    }

    fn list(&mut self, own: Range<usize>) -> Result<(NodeKind, Range<usize>), Malformed> {
        let is_flow = !own.is_empty();
        let mut span = own;
        if is_flow {
            self.last = span.end;
        }
        let mut items = Vec::new();
        loop {
            let (event, token) = self.expected()?;
            if !is_node(&event) {
                span.end = if is_flow { bytes(token).end } else { self.last };
                return Ok((NodeKind::List(items), span));
            }
            if !is_flow {
                let dash = self
                    .find(self.last, |rest| is_indicator(rest, '-'))
                    .unwrap_or(self.last);
                span.start = if items.is_empty() { dash } else { span.start };
                self.last = dash + 1;
            }
            items.push(self.node(event, token)?);
        }
    }

    fn map(&mut self, own: Range<usize>) -> Result<(NodeKind, Range<usize>), Malformed> {
        // A pair in a flow sequence, `[a: b]`, has no braces.
        let is_braced = !own.is_empty();
        let mut span = own;
        if is_braced {
            self.last = span.end;
        }
        let mut entries: Vec<(Node, Node)> = Vec::new();
        loop {
            let (event, token) = self.expected()?;
            if !is_node(&event) {
                span.end = if is_braced {
                    bytes(token).end
                } else {
                    self.last
                };
                return Ok((NodeKind::Map(entries), span));
            }
            let key = self.node(event, token)?;
            if entries.is_empty() {
                span.start = span.start.min(key.start);
            }
            let colon = self.find(self.last, |rest| rest.starts_with(':'));
            self.last = colon.map_or(self.last, |colon| colon + 1);
            let (event, token) = self.expected()?;
            let mut value = self.node(event, token)?;
            if value.is_absent() {
                value.span = self.last..self.last;
                value.start = self.last;
            }
            entries.push((key, value));
        }
    }

    /// The first position that `is` accepts, skipping blanks, comments, directives, document marks,
    /// anchors, tags and the indicators of outer collections.
    fn find(&self, from: usize, is: impl Fn(&str) -> bool) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.text.get(at..)?;
            if is(rest) {
                return Some(at);
            }
            let skip_to = |end: fn(char) -> bool| rest.find(end);
            at += match rest.chars().next()? {
                '#' | '%' => skip_to(|c| matches!(c, '\r' | '\n'))?,
                '&' | '!' => skip_to(char::is_whitespace)?,
                c @ (' ' | '\t' | '\r' | '\n' | ':' | '?' | '-' | '.' | '\u{feff}') => c.len_utf8(),
                _ => return None,
            };
        }
    }
}

/// Whether the text starts with an indicator of a block collection, followed by white space or the
/// end of the text.
fn is_indicator(rest: &str, indicator: char) -> bool {
    rest.strip_prefix(indicator)
        .is_some_and(|rest| rest.chars().next().is_none_or(char::is_whitespace))
}

fn bytes(span: Span) -> Range<usize> {
    span.byte_range().unwrap_or_default()
}

fn malformed(error: &ScanError) -> Malformed {
    let reason = match error.kind() {
        // These messages quote the text, or do not occur with a text in memory.
        ErrorKind::UnexpectedCharacter { .. }
        | ErrorKind::Custom(_)
        | ErrorKind::InputDecoding { .. } => "an unexpected character".to_owned(),
        kind => kind.to_string(),
    };
    Malformed {
        line: error.marker().line(),
        reason,
    }
}

impl From<ScalarStyle> for NodeStyle {
    fn from(style: ScalarStyle) -> Self {
        match style {
            ScalarStyle::Plain => Self::Plain,
            ScalarStyle::SingleQuoted => Self::Single,
            ScalarStyle::DoubleQuoted => Self::Double,
            ScalarStyle::Literal => Self::Literal,
            ScalarStyle::Folded => Self::Folded,
        }
    }
}

//! From the parser's events to a tree, within budgets: one pass over a text, up to its end or its first syntax error.

use std::{borrow::Cow, collections::HashMap};

use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, StructureStyle, Tag, options};

use super::{
    frames::{Collection, Context, Frame, Place, parent_column, path_of},
    mapping::finish_mapping,
    patch::Patches,
    scalar::Resolved,
    tree::{Kind, Node, Scalar, Style},
};
use crate::{
    Reading,
    problem::{Correction, Fault, Fix, Problem},
    source::{Source, Span},
};

/// Aliases may be used so often (spec 1.1).
const MOST_ALIASES: usize = 100;
/// A document has at most so many nodes, aliases expanded (spec 1.1).
const MOST_NODES: usize = 200_000;
/// Lists and mappings are nested at most so deep (spec 1.1).
const DEEPEST: usize = 64;

/// How many events of the parser are taken before it is asked again whether the text is still wanted.
const EVENTS_BETWEEN_QUESTIONS: usize = 4_096;

/// What one pass found.
pub(super) struct Built<'t> {
    /// The tree, as far as it goes.
    pub root: Option<Node<'t>>,
    /// How the pass ended.
    pub end: End,
    /// Places where an unquoted `{{` or `{%` was read as a mapping.
    pub traps: Vec<Place>,
    /// Other problems, with their paths.
    pub problems: Vec<Problem>,
}

/// How a pass ended.
pub(super) enum End {
    Complete,
    Syntax(Box<SyntaxFailure>),
    /// Nobody wants the text any more.
    GivenUp,
    /// A budget was exceeded.
    Refused(Box<Problem>),
}

/// A syntax error with what was being read there.
pub(super) struct SyntaxFailure {
    pub error: ScanError,
    pub at: usize,
    pub context: Context,
}

struct Anchored<'t> {
    node: Node<'t>,
    nodes: usize,
    depth: usize,
}

struct Builder<'s, 't> {
    source: &'t Source<'t>,
    patches: &'s Patches<'t>,
    /// What the parser reads: the source with its patches applied.
    text: &'s str,
    frames: Vec<Frame<'t>>,
    anchors: HashMap<usize, Anchored<'t>>,
    nodes: usize,
    aliases: usize,
    documents: usize,
    root: Option<Node<'t>>,
    read_to: usize,
    last_plain: Option<Span>,
    traps: Vec<Place>,
    problems: Vec<Problem>,
}

/// Reads the source with its patches applied.
pub(super) fn build<'t>(source: &'t Source<'_>, patches: &Patches<'t>, reading: Reading<'_>) -> Built<'t> {
    let text = patches.text();
    let mut builder = Builder {
        source,
        patches,
        text,
        frames: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        aliases: 0,
        documents: 0,
        root: None,
        read_to: 0,
        last_plain: None,
        traps: Vec::new(),
        problems: Vec::new(),
    };
    let mut end = End::Complete;
    for (count, event) in Parser::new_from_str_with_options(text, parser_options()).enumerate() {
        if count % EVENTS_BETWEEN_QUESTIONS == 0 && !(reading.is_wanted)() {
            end = End::GivenUp;
            break;
        }
        match event {
            Ok((event, span)) => {
                let step = builder.read(event, span);
                if let Err(problem) = step {
                    end = End::Refused(problem);
                    break;
                }
                if builder.documents > 1 {
                    break;
                }
            }
            Err(error) => {
                let context = builder.context();
                end = End::Syntax(Box::new(SyntaxFailure { at: byte(*error.marker()), context, error }));
                builder.forget_last_plain();
                break;
            }
        }
    }
    builder.close_all();
    Built { root: builder.root, end, traps: builder.traps, problems: builder.problems }
}

pub(super) fn parser_options() -> Options {
    options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        // A little more than our own limit, so that ours is met first.
        flow_nesting_limit: DEEPEST + 8,
        block_nesting_limit: DEEPEST + 8,
    }
}

fn byte(marker: Marker) -> usize {
    // The parser always knows byte offsets of texts in memory.
    marker.byte_offset().unwrap_or(0)
}

impl<'t> Builder<'_, 't> {
    fn read(&mut self, event: Event<'_>, parser_span: granit_parser::Span) -> Result<(), Box<Problem>> {
        let span = Span::new(byte(parser_span.start), byte(parser_span.end));
        self.last_plain = None;
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a file holds one process; put this document into a file of its own";
                    self.problems.push(Problem::new(Fault::SeveralDocuments, span, message));
                }
            }
            Event::Scalar(value, style, anchor, tag) => {
                self.count(1, span)?;
                if style == ScalarStyle::Plain && !span.is_empty() {
                    self.last_plain = Some(span);
                }
                let node = self.scalar(value, style, tag.as_deref(), span);
                self.finish(node, anchor)?;
                self.read_to = self.read_to.max(span.end);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), span);
                self.open(Collection::List(Vec::new()), style, anchor, parser_span)?;
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_collection_tag(tag.as_deref(), span);
                self.note_trap(style, span);
                let collection = Collection::Map { entries: Vec::new(), key: None };
                self.open(collection, style, anchor, parser_span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close(span.end)?;
                self.read_to = self.read_to.max(span.end);
            }
            Event::Alias(id) => {
                self.alias(id, span)?;
                self.read_to = span.end;
            }
            Event::UnresolvedAlias(name) => {
                self.report_unknown_anchor(&name, span);
                self.finish(Node::broken(span), 0)?;
                self.read_to = span.end;
            }
            // Stream and document ends, and events that are not asked for.
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Box<Problem>> {
        self.nodes += nodes;
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        let message = format!("the document has more than {MOST_NODES} nodes, aliases expanded");
        Err(Box::new(Problem::new(Fault::TooManyNodes, span, message)))
    }

    fn check_depth(depth: usize, span: Span) -> Result<(), Box<Problem>> {
        if depth <= DEEPEST {
            return Ok(());
        }
        let message = format!("lists and mappings are nested more than {DEEPEST} deep here");
        Err(Box::new(Problem::new(Fault::NestedTooDeep, span, message)))
    }

    fn scalar(&mut self, value: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node<'t> {
        if let Some(node) = self.patches.node_at(span.start, self.source) {
            return node;
        }
        let plain = style == ScalarStyle::Plain;
        let mut resolved = if plain { Resolved::of_plain(&value) } else { Resolved::Text };
        if let Some(tag) = tag {
            match tag.core_suffix().and_then(|tag| Resolved::of_tagged(tag, &value)) {
                Some(tagged) => resolved = tagged,
                None => self.report_tag(tag, span),
            }
        }
        let style = match style {
            ScalarStyle::Plain => Style::Plain,
            ScalarStyle::SingleQuoted => Style::SingleQuoted,
            ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
            ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
        };
        let text = self.in_source(value);
        Node { kind: Kind::Scalar(Scalar { text, style, resolved }), span, alias: None }
    }

    /// The characters of a scalar: borrowed from the source where they stand there as they are, which is nearly always.
    fn in_source(&self, value: Cow<'_, str>) -> Cow<'t, str> {
        if let Cow::Borrowed(part) = &value
            && let Some(start) = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)
            && let Some(same) = self.source.text().get(start..start + part.len())
            && same == *part
        {
            return Cow::Borrowed(same);
        }
        Cow::Owned(value.into_owned())
    }

    fn check_collection_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag.filter(|tag| !matches!(tag.core_suffix(), Some("map" | "seq"))) {
            self.report_tag(tag, span);
        }
    }

    fn report_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the tag `{}` has no meaning here and is ignored", tag.original());
        let problem = Problem::new(Fault::IgnoredTag, span, message).at(self.path());
        self.problems.push(problem);
    }

    fn report_unknown_anchor(&mut self, name: &str, span: Span) {
        // The name is only suggested: a text that begins with `*` by chance may be a secret.
        let message = "no such anchor stands before this alias; a text that begins with `*` needs quotes";
        let text = format!("\"*{name}\"");
        let correction = Correction { shown: text.clone(), fix: Fix { span, text } };
        let problem = Problem::new(Fault::UnknownAnchor, span, message).at(self.path()).suggest(Some(correction));
        self.problems.push(problem);
    }

    /// Notes a `{{` that begins a value: two mappings that open side by side are never meant (spec 1.1).
    fn note_trap(&mut self, style: StructureStyle, span: Span) {
        let Some(outer) = self.frames.last().filter(|frame| frame.in_flow) else {
            return;
        };
        let side_by_side = outer.start + 1 == span.start && self.text[outer.start..].starts_with("{{");
        if style != StructureStyle::Flow || !side_by_side {
            return;
        }
        let around = &self.frames[..self.frames.len() - 1];
        self.traps.push(Place {
            start: outer.start,
            parent_column: parent_column(around),
            in_flow: around.last().is_some_and(|frame| frame.in_flow),
            path: path_of(around),
        });
    }

    fn open(
        &mut self,
        collection: Collection<'t>,
        style: StructureStyle,
        anchor: usize,
        span: granit_parser::Span,
    ) -> Result<(), Box<Problem>> {
        let start = byte(span.start);
        let place = Span::new(start, byte(span.end));
        self.count(1, place)?;
        Self::check_depth(self.frames.len() + 1, place)?;
        let in_flow = style == StructureStyle::Flow;
        let column = match (&collection, in_flow) {
            (_, true) => None,
            (Collection::Map { .. }, false) => Some(span.start.col()),
            // A list that stands in its key's own column is placed at its first item, not at its dash.
            (Collection::List(_), false) if self.text[start..].starts_with('-') => Some(span.start.col()),
            (Collection::List(_), false) => self.parent_column(),
        };
        self.frames.push(Frame { collection, in_flow, start, column, anchor });
        self.read_to = self.read_to.max(place.end);
        Ok(())
    }

    fn close(&mut self, end: usize) -> Result<(), Box<Problem>> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let span = Span::new(frame.start, end);
        let kind = match frame.collection {
            Collection::List(items) => Kind::List(items),
            Collection::Map { mut entries, key } => {
                if let Some(key) = key {
                    let place = key.span;
                    entries.push((key, Node::broken(place)));
                }
                let (entries, problems) = finish_mapping(entries, self.source);
                if !problems.is_empty() {
                    let path = self.path();
                    self.problems.extend(problems.into_iter().map(|problem| problem.at(&path)));
                }
                Kind::Map(entries)
            }
        };
        let node = Node { kind, span, alias: None };
        self.finish(node, frame.anchor)
    }

    /// Puts a finished node into the collection it belongs to.
    fn finish(&mut self, node: Node<'t>, anchor: usize) -> Result<(), Box<Problem>> {
        if anchor != 0 {
            let (nodes, depth) = node.size();
            self.count(nodes, node.span)?;
            let anchored = Anchored { node: node.clone(), nodes, depth };
            self.anchors.insert(anchor, anchored);
        }
        match self.frames.last_mut().map(|frame| &mut frame.collection) {
            None => self.root = Some(node),
            Some(Collection::List(items)) => items.push(node),
            Some(Collection::Map { entries, key }) => match key.take() {
                None => *key = Some(node),
                Some(key) => entries.push((key, node)),
            },
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<(), Box<Problem>> {
        self.aliases += 1;
        if self.aliases > MOST_ALIASES {
            let message = format!("aliases are used more than {MOST_ALIASES} times");
            return Err(Box::new(Problem::new(Fault::TooManyAliases, span, message)));
        }
        let Some(anchored) = self.anchors.get(&id) else {
            let message = "this alias stands within its own anchor";
            let problem = Problem::new(Fault::UnknownAnchor, span, message).at(self.path());
            self.problems.push(problem);
            return self.finish(Node::broken(span), 0);
        };
        let (nodes, depth) = (anchored.nodes, anchored.depth);
        let mut node = anchored.node.clone();
        node.alias = Some(span);
        self.count(nodes, span)?;
        Self::check_depth(self.frames.len() + depth.saturating_sub(1), span)?;
        self.finish(node, 0)
    }

    /// Leaves open what an unquoted text is if reading stops at its end: more was swallowed by it than belongs to it.
    fn forget_last_plain(&mut self) {
        let Some(span) = self.last_plain else { return };
        let last = match self.frames.last_mut().map(|frame| &mut frame.collection) {
            Some(Collection::List(items)) => items.last_mut(),
            Some(Collection::Map { entries, key: None }) => entries.last_mut().map(|(_, value)| value),
            Some(Collection::Map { key: Some(_), .. }) | None => None,
        };
        if let Some(node) = last.filter(|node| node.span == span) {
            *node = Node::broken(span);
        }
    }

    /// Ends all collections that are open when a text breaks off.
    fn close_all(&mut self) {
        while !self.frames.is_empty() {
            // The budgets were met while reading; what is left only has to be put together.
            if self.close(self.read_to).is_err() {
                self.frames.clear();
            }
        }
    }

    fn parent_column(&self) -> Option<usize> {
        parent_column(&self.frames)
    }

    fn context(&self) -> Context {
        Context::of(&self.frames, self.read_to, self.last_plain)
    }

    /// The path of what is being read, or was read last where a key is expected.
    fn path(&self) -> String {
        path_of(&self.frames)
    }
}

//! What a text reads, found without running it.

use std::ops::Range;

use crate::{
    Compared, Note, Reference,
    ast::{
        Arguments, Chain, Comparator, Comparison, Expression, For, Kind, Link, LinkKind, Path, Segment, Statement,
        Target, lenient_parts,
    },
    words::{Word, decision_meant},
};

/// Every path that a template reads, and remarks on comparisons.
pub fn of_template(statements: &[Statement]) -> (Vec<Reference>, Vec<Note>) {
    let mut walk = Walk::default();
    walk.block(statements);
    walk.finish()
}

/// Every path that a condition reads, and remarks on comparisons.
pub fn of_expression(expression: &Expression) -> (Vec<Reference>, Vec<Note>) {
    let mut walk = Walk::default();
    walk.expression(expression, false);
    walk.finish()
}

#[derive(Default)]
struct Walk<'t> {
    references: Vec<Reference>,
    notes: Vec<Note>,
    /// The names that the text itself has given, by the blocks that are open.
    locals: Vec<Vec<&'t str>>,
    /// Paths whose existence the text asks about with `is defined`.
    asked: Vec<(String, Vec<String>)>,
    /// The texts that paths are compared with, by the places of the paths.
    compared: Vec<(usize, Compared)>,
}

impl<'t> Walk<'t> {
    fn finish(mut self) -> (Vec<Reference>, Vec<Note>) {
        for reference in &mut self.references {
            let is_asked = |(root, path): &(String, Vec<String>)| {
                *root == reference.root && reference.path.starts_with(path.as_slice())
            };
            reference.optional |= self.asked.iter().any(is_asked);
            let start = reference.range.start;
            let compared = self.compared.iter().filter(|(place, _)| *place == start);
            reference.compared = compared.map(|(_, compared)| compared.clone()).collect();
        }
        self.references.sort_by_key(|reference| reference.range.start);
        (self.references, self.notes)
    }

    /// Statements within which names are given that are forgotten behind them.
    fn block(&mut self, statements: &'t [Statement]) {
        self.locals.push(Vec::new());
        self.statements(statements);
        self.locals.pop();
    }

    fn statements(&mut self, statements: &'t [Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'t Statement) {
        match statement {
            Statement::Text(_) | Statement::Break | Statement::Continue => {}
            Statement::Placeholder { value, .. } => self.expression(value, false),
            Statement::If { branches, otherwise } => {
                for (test, body) in branches {
                    self.expression(test, false);
                    self.statements(body);
                }
                self.statements(otherwise);
            }
            Statement::For(each) => self.each(each),
            Statement::Set { target, value } => {
                self.expression(value, false);
                self.name(target);
            }
            Statement::Capture { name, filters, body } => {
                self.links(filters, 0);
                self.statements(body);
                self.locals.last_mut().into_iter().for_each(|names| names.push(name));
            }
            Statement::With { values, body } => {
                self.locals.push(Vec::new());
                for (target, value) in values {
                    self.expression(value, false);
                    self.name(target);
                }
                self.statements(body);
                self.locals.pop();
            }
            Statement::Filtered { filters, body } => {
                self.links(filters, 0);
                self.statements(body);
            }
        }
    }

    fn each(&mut self, each: &'t For) {
        self.expression(&each.items, false);
        self.locals.push(vec!["loop"]);
        self.name(&each.target);
        if let Some(filter) = &each.filter {
            self.expression(filter, false);
        }
        self.statements(&each.body);
        self.locals.pop();
        self.statements(&each.otherwise);
    }

    fn name(&mut self, target: &'t Target) {
        match target {
            Target::Name(name) => self.locals.last_mut().into_iter().for_each(|names| names.push(name)),
            Target::Items(items) => items.iter().for_each(|item| self.name(item)),
        }
    }

    fn expression(&mut self, expression: &Expression, is_optional: bool) {
        match &expression.kind {
            Kind::Constant(_) => {}
            Kind::Path(path) => self.path(path, &expression.range, is_optional),
            Kind::Chain(chain) => self.chain(chain, is_optional),
            Kind::Choice { options, otherwise } => {
                for (test, value) in options {
                    self.expression(test, is_optional);
                    self.expression(value, is_optional);
                }
                if let Some(value) = otherwise {
                    self.expression(value, is_optional);
                }
            }
            Kind::List(items) => items.iter().for_each(|item| self.expression(item, is_optional)),
            Kind::Map(entries) => {
                for (key, value) in entries {
                    self.expression(key, is_optional);
                    self.expression(value, is_optional);
                }
            }
            Kind::Call { arguments, .. } => self.arguments(arguments, is_optional),
        }
    }

    fn path(&mut self, path: &Path, range: &Range<usize>, is_optional: bool) {
        let constant = path.segments.iter().map_while(Segment::constant);
        let constant: Vec<String> = constant.collect();
        for segment in &path.segments {
            if let Segment::Computed(expression) = segment {
                self.expression(expression, is_optional);
            }
        }
        if self.is_local(&path.root) {
            return;
        }
        // `steps` as a whole, too, is every step that is known only at run time.
        let is_all_steps = path.root == "steps" && path.segments.is_empty();
        self.references.push(Reference {
            root: path.root.clone(),
            dynamic: constant.len() < path.segments.len() || is_all_steps,
            path: constant,
            optional: is_optional,
            range: range.clone(),
            compared: Vec::new(),
        });
    }

    fn is_local(&self, name: &str) -> bool {
        self.locals.iter().any(|names| names.contains(&name))
    }

    fn chain(&mut self, chain: &Chain, is_optional: bool) {
        self.ask(chain);
        self.expression(&chain.first, is_optional || chain.lenient > 0);
        for (at, link) in chain.links.iter().enumerate() {
            self.link(link, is_optional || at + 1 < chain.lenient);
        }
        let mut left = chain.first.as_ref();
        if let Some(Link { kind: LinkKind::Compare(comparisons), .. }) = chain.links.first() {
            for comparison in comparisons {
                self.note_on_words(left, comparison);
                left = &comparison.right;
            }
        }
    }

    /// `path is defined`
    fn ask(&mut self, chain: &Chain) {
        let asks = matches!(chain.links.first().map(|link| &link.kind), Some(LinkKind::IsDefined(_)));
        if let Kind::Path(path) = &chain.first.kind
            && asks
        {
            let constant: Vec<String> = path.segments.iter().map_while(Segment::constant).collect();
            self.asked.extend((!constant.is_empty()).then(|| (path.root.clone(), constant)));
        }
    }

    fn links(&mut self, links: &[Link], at_least: usize) {
        let lenient = lenient_parts(links).max(at_least);
        for (at, link) in links.iter().enumerate() {
            self.link(link, at + 1 < lenient);
        }
    }

    fn link(&mut self, link: &Link, is_optional: bool) {
        match &link.kind {
            LinkKind::Not | LinkKind::Negate | LinkKind::IsDefined(_) | LinkKind::IsNone => {}
            LinkKind::And(right)
            | LinkKind::Or(right)
            | LinkKind::FirstTrue(right)
            | LinkKind::FirstPresent(right)
            | LinkKind::Arithmetic(_, right)
            | LinkKind::Join(right) => self.expression(right, is_optional),
            LinkKind::Compare(comparisons) => {
                for comparison in comparisons {
                    self.expression(&comparison.right, is_optional);
                }
            }
            LinkKind::Default(arguments)
            | LinkKind::Filter { arguments, .. }
            | LinkKind::Test { arguments, .. }
            | LinkKind::Method { arguments, .. } => self.arguments(arguments, is_optional),
            LinkKind::Subscript(segment) => {
                if let Segment::Computed(expression) = segment {
                    self.expression(expression, is_optional);
                }
            }
            LinkKind::Slice { start, stop, step } => {
                for part in [start, stop, step].into_iter().flatten() {
                    self.expression(part, is_optional);
                }
            }
        }
    }

    fn arguments(&mut self, arguments: &Arguments, is_optional: bool) {
        let named = arguments.named.iter().map(|(_, value)| value);
        for argument in arguments.positional.iter().chain(named) {
            self.expression(argument, is_optional);
        }
    }

    /// Notes which texts a path is compared with, and remarks on a decision that is compared with another word for it.
    fn note_on_words(&mut self, left: &Expression, comparison: &Comparison) {
        let (path, other) = match (&left.kind, &comparison.right.kind) {
            (Kind::Path(_), _) => (left, &comparison.right),
            (_, Kind::Path(_)) => (&comparison.right, left),
            _ => return,
        };
        let texts: Vec<&Expression> = match (&other.kind, comparison.operator) {
            (_, Comparator::Equal | Comparator::NotEqual) => vec![other],
            (
                Kind::List(items),
                Comparator::In | Comparator::NotIn | Comparator::Contains | Comparator::ContainsNot,
            ) => items.iter().collect(),
            _ => return,
        };
        let is_wanted = match comparison.operator {
            Comparator::Equal | Comparator::In | Comparator::Contains => true,
            Comparator::NotEqual | Comparator::NotIn | Comparator::ContainsNot => false,
            Comparator::Less | Comparator::LessOrEqual | Comparator::Greater | Comparator::GreaterOrEqual => return,
        };
        for expression in texts {
            let Some(text) = expression.as_text() else { continue };
            let compared = Compared { word: text.to_owned(), range: expression.range.clone(), is_wanted };
            self.compared.push((path.range.start, compared));
            if let Some(Word::Decision { step }) = &comparison.word {
                self.note_on_decision(step.as_deref(), text, expression);
            }
        }
    }

    fn note_on_decision(&mut self, step: Option<&str>, text: &str, expression: &Expression) {
        let Some(meant) = decision_meant(text).filter(|meant| *meant != text) else {
            return;
        };
        self.notes.push(Note {
            message: format!("`{text}` is understood as the decision `{meant}`"),
            suggestion: Some(meant.to_owned()),
            range: expression.range.clone(),
            approval: step.map(str::to_owned),
        });
    }
}

impl Segment {
    /// The name or number, if it is constant.
    fn constant(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Index(index) => Some(index.to_string()),
            Self::Computed(_) => None,
        }
    }
}

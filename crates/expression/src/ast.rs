//! The trees that are evaluated. What applies to the result of what stands left of it (an operator, a filter, a
//! subscript) is a link of a chain, so that long chains are lists and not deep trees.

use std::ops::Range;

use minijinja::Value;

use crate::words::Word;

/// Part of a template.
#[derive(Debug)]
pub enum Statement {
    /// Text as it stands.
    Text(String),
    /// `{{ … }}`
    Placeholder {
        value: Expression,
        /// Where it stands, braces included.
        range: Range<usize>,
    },
    /// `{% if %}` with its `elif` and `else`.
    If { branches: Vec<(Expression, Vec<Self>)>, otherwise: Vec<Self> },
    /// `{% for %}`
    For(Box<For>),
    /// `{% set a = … %}`
    Set { target: Target, value: Expression },
    /// `{% set a %} … {% endset %}`
    Capture { name: String, filters: Vec<Link>, body: Vec<Self> },
    /// `{% with a = … %}`
    With { values: Vec<(Target, Expression)>, body: Vec<Self> },
    /// `{% filter … %}`
    Filtered { filters: Vec<Link>, body: Vec<Self> },
    /// `{% break %}`
    Break,
    /// `{% continue %}`
    Continue,
}

/// A loop.
#[derive(Debug)]
pub struct For {
    pub target: Target,
    pub items: Expression,
    /// Which items are looped over.
    pub filter: Option<Expression>,
    pub body: Vec<Statement>,
    /// For a loop without items.
    pub otherwise: Vec<Statement>,
}

/// The names that a value is given.
#[derive(Debug)]
pub enum Target {
    /// One name for the whole.
    Name(String),
    /// A name for each of its items.
    Items(Vec<Self>),
}

/// An expression and its place in the author's text.
#[derive(Debug)]
pub struct Expression {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// What an expression is.
#[derive(Debug)]
pub enum Kind {
    Constant(Value),
    Path(Path),
    Chain(Chain),
    /// `a if test else b if test else c`
    Choice {
        options: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
    Call {
        function: Function,
        arguments: Arguments,
    },
}

/// `a.b[c]`
#[derive(Debug)]
pub struct Path {
    pub root: String,
    pub segments: Vec<Segment>,
}

/// One step on a path.
#[derive(Debug)]
pub enum Segment {
    Name(String),
    Index(i64),
    Computed(Expression),
}

/// A value and what is done with it, from left to right.
#[derive(Debug)]
pub struct Chain {
    pub first: Box<Expression>,
    pub links: Vec<Link>,
    /// How many parts (the first, then the links) stand left of something that can do without a value: they are
    /// evaluated leniently (spec 2.1).
    pub lenient: usize,
    /// From which link on all are `and`, `or`, `||`, `??` or `not`.
    pub logical: usize,
}

/// One thing that is done with a value.
#[derive(Debug)]
pub struct Link {
    pub kind: LinkKind,
    /// The place of the expression up to here.
    pub range: Range<usize>,
}

/// What is done with a value.
#[derive(Debug)]
pub enum LinkKind {
    Not,
    Negate,
    And(Expression),
    Or(Expression),
    /// `||`
    FirstTrue(Expression),
    /// `??`
    FirstPresent(Expression),
    Arithmetic(Arithmetic, Expression),
    /// `~`
    Join(Expression),
    Compare(Vec<Comparison>),
    /// `default` or `d`
    Default(Arguments),
    Filter {
        name: String,
        arguments: Arguments,
    },
    /// `is defined`, or `is undefined`
    IsDefined(bool),
    IsNone,
    Test {
        name: String,
        arguments: Arguments,
    },
    /// A subscript of something that is no path.
    Subscript(Segment),
    Slice {
        start: Option<Expression>,
        stop: Option<Expression>,
        step: Option<Expression>,
    },
    Method {
        method: Method,
        arguments: Arguments,
    },
}

/// One comparison of a chain of them.
#[derive(Debug)]
pub struct Comparison {
    pub operator: Comparator,
    pub right: Expression,
    /// What is compared, if its words have other spellings.
    pub word: Option<Word>,
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    ContainsNot,
}

/// An arithmetic operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    DivideWhole,
    Remainder,
    Power,
}

/// The functions that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    Now,
    Time,
    Range,
    Dict,
}

/// The methods that there are: those of Python that templates in the wild use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Items,
    Keys,
    Values,
    Get,
    /// `", ".join(list)`
    Join,
    /// `loop.cycle(…)`
    Cycle,
    /// `loop.changed(…)`
    Changed,
    /// The filter of this name does it.
    Filter(&'static str),
    /// The test of this name does it.
    Test(&'static str),
}

/// What is given to a filter, test, function or method.
#[derive(Debug, Default)]
pub struct Arguments {
    pub positional: Vec<Expression>,
    pub named: Vec<(String, Expression)>,
}

impl Expression {
    /// The text that it is, if it is a constant one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Constant(value) => value.as_str(),
            _ => None,
        }
    }
}

impl LinkKind {
    /// Whether what stands left of it may be undefined at every level (spec 2.1).
    pub const fn is_lenient(&self) -> bool {
        matches!(self, Self::Default(_) | Self::FirstTrue(_) | Self::FirstPresent(_) | Self::IsDefined(_))
    }

    const fn is_logical(&self) -> bool {
        matches!(self, Self::And(_) | Self::Or(_) | Self::FirstTrue(_) | Self::FirstPresent(_) | Self::Not)
    }
}

impl Chain {
    /// A chain of these links.
    pub fn new(first: Expression, links: Vec<Link>) -> Self {
        let lenient = lenient_parts(&links);
        let last_other = links.iter().rposition(|link| !link.kind.is_logical());
        Self { first: Box::new(first), lenient, logical: last_other.map_or(0, |at| at + 1), links }
    }
}

/// How many parts of a chain, the first included, stand left of a link that can do without a value.
pub fn lenient_parts(links: &[Link]) -> usize {
    links.iter().rposition(|link| link.kind.is_lenient()).map_or(0, |at| at + 1)
}

impl Arithmetic {
    /// The operator as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::DivideWhole => "//",
            Self::Remainder => "%",
            Self::Power => "**",
        }
    }
}

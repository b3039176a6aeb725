//! From normalised text to our trees. This is the only module that knows minijinja's parser and its syntax tree, which
//! come without a promise of stability.

mod errors;
mod foreign;
mod operators;
mod statements;

use std::ops::Range;

use minijinja::{
    Value,
    machinery::{
        self, Span,
        ast::{self, CallArg, Expr, Stmt, UnaryOpKind},
    },
    syntax::SyntaxConfig,
};

use self::{
    errors::parser_error,
    operators::{binary_link, comparison},
};
use crate::{
    SyntaxError,
    ast::{Arguments, Chain, Expression, Function, Kind, Link, LinkKind, Method, Path, Segment, Statement},
    known, limits,
    normalise::{Normal, Operator},
    words::word_of,
};

/// The left part of an expression, and what is done with it.
type Split<'t, 's> = (&'t Expr<'s>, Option<LinkKind>);

/// Why a text can't be read.
pub enum Unreadable {
    /// The parser gave up at the first thing it did not understand.
    Parser(SyntaxError),
    /// The parser read it, and these parts are not available.
    Parts(Vec<SyntaxError>),
}

/// Reads a normalised template.
pub fn read_template(author: &str, normal: &Normal) -> Result<Vec<Statement>, Unreadable> {
    let config = SyntaxConfig::builder().keep_trailing_newline(true).build();
    let parsed = config.and_then(|config| machinery::parse(&normal.text, "", config));
    let tree = parsed.map_err(|error| parser_error(author, normal, &error))?;
    let mut lowering = Lowering::of(author, normal);
    let body = match &tree {
        Stmt::Template(template) => lowering.statements(&template.children),
        _ => Vec::new(),
    };
    lowering.finish(body)
}

/// Reads a normalised expression.
pub fn read_expression(author: &str, normal: &Normal) -> Result<Expression, Unreadable> {
    let tree = machinery::parse_expr(&normal.text).map_err(|error| parser_error(author, normal, &error))?;
    let mut lowering = Lowering::of(author, normal);
    let expression = lowering.expression(&tree);
    lowering.finish(expression)
}

struct Lowering<'n> {
    author: &'n str,
    normal: &'n Normal,
    errors: Vec<SyntaxError>,
    depth: usize,
}

impl<'n> Lowering<'n> {
    const fn of(author: &'n str, normal: &'n Normal) -> Self {
        Self { author, normal, errors: Vec::new(), depth: 0 }
    }

    fn finish<T>(self, tree: T) -> Result<T, Unreadable> {
        if self.errors.is_empty() { Ok(tree) } else { Err(Unreadable::Parts(self.errors)) }
    }

    /// Notes an error; the tree goes on with something in its place, so that other errors are found too.
    fn refuse(&mut self, range: Range<usize>, message: impl Into<String>) {
        if self.has_room() {
            let range = self.normal.places.author(range);
            self.errors.push(SyntaxError::new(message, range));
        }
    }

    /// Whether another error would be kept, so that it is worth finding words for it.
    const fn has_room(&self) -> bool {
        self.errors.len() < limits::ERRORS
    }

    fn expression(&mut self, expr: &Expr<'_>) -> Expression {
        let range = self.start_of(expr)..expr.span().end_offset as usize;
        if self.depth >= limits::EXPRESSION_DEPTH {
            if self.errors.is_empty() {
                self.refuse(range.clone(), "this expression is nested too deeply");
            }
            return self.placed(Kind::Constant(Value::from(())), range);
        }
        self.depth += 1;
        let expression = self.chain(expr, range);
        self.depth -= 1;
        expression
    }

    fn placed(&self, kind: Kind, range: Range<usize>) -> Expression {
        let range = self.normal.places.author(range);
        Expression { kind, range }
    }

    /// Goes to the leftmost part of an expression and collects on the way what applies to it.
    fn chain(&mut self, expr: &Expr<'_>, range: Range<usize>) -> Expression {
        let mut links = Vec::new();
        let mut current = expr;
        while let Some((left, link)) = self.link(current) {
            links.extend(link.map(|kind| Link {
                kind,
                range: self.normal.places.author(range.start..current.span().end_offset as usize),
            }));
            current = left;
        }
        links.reverse();
        let first = self.first(current, &mut links);
        if links.is_empty() {
            return first;
        }
        name_words(&first, &mut links);
        self.placed(Kind::Chain(Chain::new(first, links)), range)
    }

    /// Splits an expression into its left part and what is done with that. `None` at the leftmost part.
    fn link<'t, 's>(&mut self, expr: &'t Expr<'s>) -> Option<Split<'t, 's>> {
        let range = range_of(expr.span());
        match expr {
            Expr::UnaryOp(unary) => {
                let link = match unary.op {
                    UnaryOpKind::Not => LinkKind::Not,
                    UnaryOpKind::Neg => LinkKind::Negate,
                };
                Some((&unary.expr, Some(link)))
            }
            Expr::BinOp(binary) => {
                let special = self.operator_after(&binary.left);
                let right = self.expression(&binary.right);
                Some((&binary.left, Some(binary_link(binary.op, special, right))))
            }
            Expr::Compare(compare) => {
                let mut comparisons = Vec::new();
                let mut left = &compare.expr;
                for op in &compare.ops {
                    let special = self.operator_after(left);
                    let right = self.expression(&op.expr);
                    comparisons.push(comparison(op.op, special, right));
                    left = &op.expr;
                }
                Some((&compare.expr, Some(LinkKind::Compare(comparisons))))
            }
            Expr::Filter(filter) => {
                let link = self.filter(filter.name, &filter.args, range).kind;
                filter.expr.as_ref().map(|left| (left, Some(link)))
            }
            Expr::Test(test) => Some((&test.expr, Some(self.test(test.name, &test.args, range)))),
            Expr::GetAttr(attr) => {
                let segment = Segment::Name(attr.name.to_owned());
                Some((&attr.expr, Some(LinkKind::Subscript(segment))))
            }
            Expr::GetItem(item) => {
                let segment = self.subscript(&item.subscript_expr);
                Some((&item.expr, Some(LinkKind::Subscript(segment))))
            }
            Expr::Slice(slice) => {
                let mut part = |expr: &Option<Expr<'_>>| expr.as_ref().map(|expr| self.expression(expr));
                let (start, stop, step) = (part(&slice.start), part(&slice.stop), part(&slice.step));
                Some((&slice.expr, Some(LinkKind::Slice { start, stop, step })))
            }
            Expr::Call(call) => match &call.expr {
                Expr::GetAttr(attr) => {
                    let method = known::method(attr.name).unwrap_or_else(|| {
                        self.refuse_method(attr.name, range.clone());
                        Method::Get
                    });
                    let arguments = self.arguments(&call.args, range);
                    Some((&attr.expr, Some(LinkKind::Method { method, arguments })))
                }
                Expr::Var(_) => None,
                other => {
                    self.refuse(range, "this can't be called");
                    Some((other, None))
                }
            },
            Expr::Var(_) | Expr::Const(_) | Expr::IfExpr(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => None,
        }
    }

    /// The leftmost part of a chain. A path takes the subscripts that follow it.
    fn first(&mut self, expr: &Expr<'_>, links: &mut Vec<Link>) -> Expression {
        let range = range_of(expr.span());
        let kind = match expr {
            Expr::Var(name) => return self.path(name.id, range, links),
            Expr::Const(constant) => Kind::Constant(constant.value.clone()),
            Expr::List(list) => Kind::List(list.items.iter().map(|item| self.expression(item)).collect()),
            Expr::Tuple(tuple) => Kind::List(tuple.items.iter().map(|item| self.expression(item)).collect()),
            Expr::Map(map) => Kind::Map(
                map.keys
                    .iter()
                    .zip(&map.values)
                    .map(|(key, value)| (self.expression(key), self.expression(value)))
                    .collect(),
            ),
            Expr::IfExpr(choice) => self.choice(choice),
            Expr::Call(call) => {
                let function = self.function(&call.expr, range.clone());
                let arguments = self.arguments(&call.args, range.clone());
                Kind::Call { function, arguments }
            }
            Expr::UnaryOp(_)
            | Expr::BinOp(_)
            | Expr::Compare(_)
            | Expr::Filter(_)
            | Expr::Test(_)
            | Expr::GetAttr(_)
            | Expr::GetItem(_)
            | Expr::Slice(_) => Kind::Constant(Value::from(())),
        };
        self.placed(kind, range)
    }

    fn path(&mut self, root: &str, range: Range<usize>, links: &mut Vec<Link>) -> Expression {
        if matches!(root, "and" | "or" | "not" | "in" | "is" | "if" | "else") {
            self.refuse(range.clone(), format!("a value is expected here, not `{root}`"));
        }
        let mut range = self.normal.places.author(range);
        let count = links.iter().take_while(|link| matches!(link.kind, LinkKind::Subscript(_))).count();
        let mut segments = Vec::new();
        for link in links.drain(..count) {
            range.end = link.range.end;
            if let LinkKind::Subscript(segment) = link.kind {
                segments.push(segment);
            }
        }
        let root = root.to_owned();
        Expression { kind: Kind::Path(Path { root, segments }), range }
    }

    fn choice(&mut self, first: &ast::IfExpr<'_>) -> Kind {
        let mut options = Vec::new();
        let mut current = first;
        loop {
            let test = self.expression(&current.test_expr);
            options.push((test, self.expression(&current.true_expr)));
            match &current.false_expr {
                Some(Expr::IfExpr(next)) => current = next,
                otherwise => {
                    let otherwise = otherwise.as_ref().map(|expr| Box::new(self.expression(expr)));
                    return Kind::Choice { options, otherwise };
                }
            }
        }
    }

    fn subscript(&mut self, expr: &Expr<'_>) -> Segment {
        let (expr_inside, sign) = match expr {
            Expr::UnaryOp(unary) if matches!(unary.op, UnaryOpKind::Neg) => (&unary.expr, -1),
            _ => (expr, 1),
        };
        if let Expr::Const(constant) = expr_inside {
            if let Some(index) = constant.value.as_i64().filter(|_| constant.value.is_integer()) {
                return Segment::Index(index.saturating_mul(sign));
            }
            if let Some(name) = constant.value.as_str().filter(|_| sign == 1) {
                return Segment::Name(name.to_owned());
            }
        }
        Segment::Computed(self.expression(expr))
    }

    fn filter(&mut self, name: &str, args: &[CallArg<'_>], range: Range<usize>) -> Link {
        if !known::is_filter(name) {
            self.refuse_name(name, range.clone(), known::no_such_filter);
        }
        let arguments = self.arguments(args, range.clone());
        let kind = match name {
            "default" | "d" => LinkKind::Default(arguments),
            _ => LinkKind::Filter { name: name.to_owned(), arguments },
        };
        let range = self.normal.places.author(range);
        Link { kind, range }
    }

    fn test(&mut self, name: &str, args: &[CallArg<'_>], range: Range<usize>) -> LinkKind {
        if !known::is_test(name) {
            self.refuse_name(name, range.clone(), known::no_such_test);
        }
        match name {
            "defined" => LinkKind::IsDefined(true),
            "undefined" => LinkKind::IsDefined(false),
            "none" => LinkKind::IsNone,
            _ => LinkKind::Test { name: name.to_owned(), arguments: self.arguments(args, range) },
        }
    }

    fn function(&mut self, callee: &Expr<'_>, range: Range<usize>) -> Function {
        let name = if let Expr::Var(name) = callee { name.id } else { "" };
        known::function(name).unwrap_or_else(|| {
            self.refuse_function(name, range);
            Function::Dict
        })
    }

    fn arguments(&mut self, args: &[CallArg<'_>], range: Range<usize>) -> Arguments {
        let mut arguments = Arguments::default();
        for arg in args {
            match arg {
                CallArg::Pos(expr) => {
                    let value = self.expression(expr);
                    arguments.positional.push(value);
                }
                CallArg::Kwarg(name, expr) => {
                    let value = self.expression(expr);
                    arguments.named.push(((*name).to_owned(), value));
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {
                    self.refuse(range.clone(), "arguments are given one by one, without `*` or `**`");
                }
            }
        }
        arguments
    }

    /// The foreign operator that stands behind an expression. Only space and closing parentheses can be in between.
    fn operator_after(&self, left: &Expr<'_>) -> Option<Operator> {
        let end = left.span().end_offset as usize;
        let rest = self.normal.text.get(end..)?;
        let skipped = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ')').len();
        let operators = &self.normal.operators;
        let found = operators.binary_search_by_key(&(end + skipped), |(at, _)| *at);
        found.ok().map(|at| operators[at].1)
    }

    /// Where an expression starts. The parser's own places of operators start anywhere.
    fn start_of(&self, expr: &Expr<'_>) -> usize {
        let mut current = expr;
        loop {
            current = match current {
                Expr::UnaryOp(unary) => {
                    let start = unary.span().start_offset as usize;
                    let text = self.normal.text.get(start..).unwrap_or_default();
                    if text.starts_with("not") || text.starts_with('-') {
                        return start;
                    }
                    &unary.expr
                }
                Expr::BinOp(binary) => &binary.left,
                Expr::Compare(compare) => &compare.expr,
                Expr::IfExpr(choice) => &choice.true_expr,
                Expr::Test(test) => &test.expr,
                Expr::GetAttr(attr) => &attr.expr,
                Expr::GetItem(item) => &item.expr,
                Expr::Slice(slice) => &slice.expr,
                Expr::Call(call) => &call.expr,
                Expr::Filter(filter) => match &filter.expr {
                    Some(left) => left,
                    None => return filter.span().start_offset as usize,
                },
                Expr::Var(_) | Expr::Const(_) | Expr::List(_) | Expr::Tuple(_) | Expr::Map(_) => {
                    return current.span().start_offset as usize;
                }
            };
        }
    }
}

/// What is compared with a word that has other spellings.
fn name_words(first: &Expression, links: &mut [Link]) {
    let Some(Link { kind: LinkKind::Compare(comparisons), .. }) = links.first_mut() else {
        return;
    };
    let mut left = word_of(first);
    for comparison in comparisons {
        let right = word_of(&comparison.right);
        comparison.word = left.or_else(|| right.clone());
        left = right;
    }
}

fn range_of(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

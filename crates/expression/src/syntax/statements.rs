//! Statements of a template.

use super::{
    Lowering, Span,
    ast::{self, Expr, Stmt},
    range_of,
};
use crate::ast::{For, Kind, Link, Statement, Target};

impl Lowering<'_> {
    pub(super) fn statements(&mut self, statements: &[Stmt<'_>]) -> Vec<Statement> {
        statements.iter().filter_map(|statement| self.statement(statement)).collect()
    }

    fn statement(&mut self, statement: &Stmt<'_>) -> Option<Statement> {
        match statement {
            Stmt::EmitRaw(raw) => Some(Statement::Text(raw.raw.to_owned())),
            Stmt::EmitExpr(emit) => Some(self.placeholder(emit.span(), &emit.expr)),
            Stmt::IfCond(branch) => Some(self.branches(branch)),
            Stmt::ForLoop(each) => self.each(each.span(), each),
            Stmt::Set(set) => {
                Some(Statement::Set { target: self.target(&set.target), value: self.expression(&set.expr) })
            }
            Stmt::SetBlock(set) => {
                let Target::Name(name) = self.target(&set.target) else {
                    self.refuse(range_of(set.span()), "a block is set to one name");
                    return None;
                };
                let filters = set.filter.as_ref().map(|filter| self.filters(filter)).unwrap_or_default();
                let body = self.statements(&set.body);
                Some(Statement::Capture { name, filters, body })
            }
            Stmt::WithBlock(with) => {
                let values = with
                    .assignments
                    .iter()
                    .map(|(target, value)| (self.target(target), self.expression(value)))
                    .collect();
                let body = self.statements(&with.body);
                Some(Statement::With { values, body })
            }
            Stmt::FilterBlock(block) => {
                Some(Statement::Filtered { filters: self.filters(&block.filter), body: self.statements(&block.body) })
            }
            Stmt::Break(_) => Some(Statement::Break),
            Stmt::Continue(_) => Some(Statement::Continue),
            Stmt::Template(template) => self.no_such("template", template.span()),
            Stmt::AutoEscape(block) => self.no_such("autoescape", block.span()),
            Stmt::Block(block) => self.no_such("block", block.span()),
            Stmt::Import(import) => self.no_such("import", import.span()),
            Stmt::FromImport(import) => self.no_such("import", import.span()),
            Stmt::Extends(extends) => self.no_such("extends", extends.span()),
            Stmt::Include(include) => self.no_such("include", include.span()),
            Stmt::Macro(definition) => self.no_such("macro", definition.span()),
            Stmt::CallBlock(block) => self.no_such("call", block.span()),
            Stmt::Do(call) => self.no_such("do", call.span()),
        }
    }

    fn no_such(&mut self, keyword: &str, span: Span) -> Option<Statement> {
        let message = format!(
            "`{keyword}` is not available, since a text stands alone: there are if, for, set, with, filter, break, continue and raw"
        );
        self.refuse(range_of(span), message);
        None
    }

    fn placeholder(&mut self, span: Span, expr: &Expr<'_>) -> Statement {
        let value = self.expression(expr);
        let placeholders = &self.normal.placeholders;
        let found = placeholders.binary_search_by_key(&(span.start_offset as usize), |placeholder| placeholder.normal);
        match (found, &value.kind) {
            (Ok(at), _) => Statement::Placeholder { value, range: placeholders[at].author.clone() },
            // The literal brace that was written as a placeholder.
            (Err(_), Kind::Constant(text)) => Statement::Text(text.as_str().unwrap_or_default().to_owned()),
            (Err(_), _) => Statement::Placeholder { range: value.range.clone(), value },
        }
    }

    /// An `else` that holds nothing but an `if` is an `elif`, so that many of them are a list and not a deep tree.
    fn branches(&mut self, first: &ast::IfCond<'_>) -> Statement {
        let mut branches = Vec::new();
        let mut current = first;
        loop {
            let test = self.expression(&current.expr);
            branches.push((test, self.statements(&current.true_body)));
            match current.false_body.as_slice() {
                [Stmt::IfCond(next)] => current = next,
                otherwise => {
                    let otherwise = self.statements(otherwise);
                    return Statement::If { branches, otherwise };
                }
            }
        }
    }

    fn each(&mut self, span: Span, each: &ast::ForLoop<'_>) -> Option<Statement> {
        if each.recursive {
            self.refuse(range_of(span), "recursive loops are not available");
            return None;
        }
        Some(Statement::For(Box::new(For {
            target: self.target(&each.target),
            items: self.expression(&each.iter),
            filter: each.filter_expr.as_ref().map(|filter| self.expression(filter)),
            body: self.statements(&each.body),
            otherwise: self.statements(&each.else_body),
        })))
    }

    fn target(&mut self, target: &Expr<'_>) -> Target {
        match target {
            Expr::Var(name) => Target::Name(name.id.to_owned()),
            Expr::List(list) => Target::Items(list.items.iter().map(|item| self.target(item)).collect()),
            other => {
                self.refuse(range_of(other.span()), "only a plain name can be given a value");
                Target::Items(Vec::new())
            }
        }
    }

    /// The filters of a block, whose value is the block's text.
    fn filters(&mut self, filter: &Expr<'_>) -> Vec<Link> {
        let mut links = Vec::new();
        let mut current = Some(filter);
        while let Some(Expr::Filter(filter)) = current {
            let range = range_of(filter.span());
            links.push(self.filter(filter.name, &filter.args, range));
            current = filter.expr.as_ref();
        }
        links.reverse();
        links
    }
}

//! The grammar of label selectors in text: `a=b, c in (d,e), !f, g > 1`.

use std::collections::BTreeSet;

use super::{Operator, Requirement, SelectorError};
use crate::field::{FieldError, Path};
use crate::names;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Error,
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

fn token(text: &str) -> Option<Token> {
    Some(match text {
        ")" => Token::Close,
        "," => Token::Comma,
        "!" => Token::Not,
        "==" => Token::DoubleEquals,
        "=" => Token::Equals,
        ">" => Token::Greater,
        "in" => Token::In,
        "<" => Token::Less,
        "!=" => Token::NotEquals,
        "notin" => Token::NotIn,
        "(" => Token::Open,
        _ => return None,
    })
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn lex(text: &str) -> Vec<(Token, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(is_space);
    while let Some(first) = rest.chars().next() {
        let length = if is_special(first) {
            let run = rest.find(|c| !is_special(c)).unwrap_or(rest.len());
            // The longest operator; an unknown run of symbols is an error as a whole.
            let longest = (1..=run.min(2)).rev().find(|&n| token(&rest[..n]).is_some());
            longest.unwrap_or(run)
        } else {
            rest.find(|c| is_special(c) || is_space(c)).unwrap_or(rest.len())
        };
        let literal = &rest[..length];
        out.push(match token(literal) {
            Some(token) => (token, literal.to_owned()),
            None if is_special(first) => (Token::Error, format!("error expected: keyword found '{literal}'")),
            None => (Token::Identifier, literal.to_owned()),
        });
        rest = rest[length..].trim_start_matches(is_space);
    }
    out.push((Token::End, String::new()));
    out
}

struct Parser {
    tokens: Vec<(Token, String)>,
    position: usize,
}

type Result<T> = std::result::Result<T, String>;

pub(super) fn parse(text: &str) -> std::result::Result<Vec<Requirement>, SelectorError> {
    let mut parser = Parser {
        tokens: lex(text),
        position: 0,
    };
    parser.requirements().map_err(SelectorError::Parse)
}

impl Parser {
    fn peek_raw(&self) -> (Token, String) {
        self.tokens
            .get(self.position)
            .cloned()
            .unwrap_or((Token::End, String::new()))
    }

    /// `in` and `notin` are ordinary words everywhere but after a key.
    fn peek(&self) -> (Token, String) {
        match self.peek_raw() {
            (Token::In | Token::NotIn, literal) => (Token::Identifier, literal),
            other => other,
        }
    }

    fn next(&mut self) -> (Token, String) {
        let found = self.peek();
        self.position += 1;
        found
    }

    fn requirements(&mut self) -> Result<Vec<Requirement>> {
        let mut out = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {
                    out.push(
                        self.requirement()
                            .map_err(|error| format!("unable to parse requirement: {error}"))?,
                    );
                    match self.next() {
                        (Token::End, _) => return Ok(out),
                        (Token::Comma, _) => {
                            let (token, literal) = self.peek();
                            if !matches!(token, Token::Identifier | Token::Not) {
                                return Err(format!("found '{literal}', expected: identifier after ','"));
                            }
                        }
                        (_, literal) => return Err(format!("found '{literal}', expected: ',' or 'end of string'")),
                    }
                }
                (Token::End, _) => return Ok(out),
                (_, literal) => {
                    return Err(format!(
                        "found '{literal}', expected: !, identifier, or 'end of string'"
                    ));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let errors = names::label_key(&key);
        if !errors.is_empty() {
            return Err(FieldError::invalid(&Path::default(), key, errors.join("; ")).to_string());
        }
        let make = |operator, values| Requirement::new(&key, operator, values).map_err(|error| error.to_string());
        if negated {
            return make(Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return make(Operator::Exists, Vec::new());
        }
        let (token, literal) = self.peek_raw();
        self.position += 1;
        let operator = match token {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::NotEquals => Operator::NotEquals,
            Token::Greater => Operator::GreaterThan,
            Token::Less => Operator::LessThan,
            _ => return Err(format!("found '{literal}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => self.exact_value()?,
        };
        make(operator, values)
    }

    fn values(&mut self) -> Result<Vec<String>> {
        let (token, literal) = self.next();
        if token != Token::Open {
            return Err(format!("found '{literal}' expected: '('"));
        }
        match self.peek() {
            (Token::Identifier | Token::Comma, _) => {
                let values = self.identifiers()?;
                self.next();
                Ok(values.into_iter().collect())
            }
            (Token::Close, _) => {
                self.next();
                Ok(vec![String::new()])
            }
            (_, literal) => Err(format!("found '{literal}', expected: ',', ')' or identifier")),
        }
    }

    /// Stops before the closing parenthesis. Empty places between commas are the empty text.
    fn identifiers(&mut self) -> Result<BTreeSet<String>> {
        let mut out = BTreeSet::new();
        loop {
            match self.next() {
                (Token::Identifier, literal) => {
                    out.insert(literal);
                    match self.peek() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => return Ok(out),
                        (_, literal) => return Err(format!("found '{literal}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if out.is_empty() {
                        out.insert(String::new());
                    }
                    match self.peek().0 {
                        Token::Close => {
                            out.insert(String::new());
                            return Ok(out);
                        }
                        Token::Comma => {
                            out.insert(String::new());
                        }
                        _ => {}
                    }
                }
                (_, literal) => return Err(format!("found '{literal}', expected: ',', or identifier")),
            }
        }
    }

    fn exact_value(&mut self) -> Result<Vec<String>> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(vec![String::new()]);
        }
        match self.next() {
            (Token::Identifier, literal) => Ok(vec![literal]),
            (_, literal) => Err(format!("found '{literal}', expected: identifier")),
        }
    }
}

//! Which part of the author's text a part of the normalised text stands for.

use std::ops::Range;

/// A normalised text, and where each part of it comes from.
#[derive(Debug, Clone, Default)]
pub struct Places {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    normal: usize,
    author: Range<usize>,
    is_copy: bool,
}

impl Places {
    /// Notes that the text from `normal` on is a copy of `author`.
    pub fn copied(&mut self, normal: usize, author: Range<usize>) {
        if let Some(last) = self.pieces.last_mut()
            && last.is_copy
            && last.author.end == author.start
        {
            last.author.end = author.end;
            return;
        }
        self.pieces.push(Piece { normal, author, is_copy: true });
    }

    /// Notes that the text from `normal` on is written in place of `author`.
    pub fn replaced(&mut self, normal: usize, author: Range<usize>) {
        self.pieces.push(Piece { normal, author, is_copy: false });
    }

    /// Forgets everything from `normal` on.
    pub fn truncate(&mut self, normal: usize) {
        while let Some(last) = self.pieces.last_mut() {
            if last.normal < normal {
                if last.is_copy {
                    last.author.end = last.author.end.min(last.author.start + (normal - last.normal));
                }
                return;
            }
            self.pieces.pop();
        }
    }

    /// The part of the author's text for a part of the normalised one.
    pub fn author(&self, normal: Range<usize>) -> Range<usize> {
        let start = match self.piece_at(normal.start) {
            None => 0,
            Some(piece) if piece.is_copy => {
                (piece.author.start + normal.start.saturating_sub(piece.normal)).min(piece.author.end)
            }
            Some(piece) => piece.author.start,
        };
        let end = match self.piece_at(normal.end.saturating_sub(1)) {
            None => 0,
            Some(piece) if piece.is_copy => {
                (piece.author.start + normal.end.saturating_sub(piece.normal)).min(piece.author.end)
            }
            Some(piece) => piece.author.end,
        };
        start..end.max(start)
    }

    fn piece_at(&self, normal: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.normal <= normal);
        self.pieces.get(after.checked_sub(1)?)
    }
}

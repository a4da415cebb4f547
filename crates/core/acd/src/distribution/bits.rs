//! Flat sets of small numbers.

/// The set bits of a sequence of words, smallest first.
pub(super) fn ones(words: impl IntoIterator<Item = u64>) -> impl Iterator<Item = usize> {
    Ones { words: words.into_iter(), next: 0, left: 0 }
}

struct Ones<I> {
    words: I,
    /// The number of the first bit of the word after this one.
    next: usize,
    left: u64,
}

impl<I: Iterator<Item = u64>> Iterator for Ones<I> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            self.left = self.words.next()?;
            self.next += 64;
        }
        let bit = self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(self.next - 64 + bit)
    }
}

/// A set of small numbers; grows as needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Bits(Vec<u64>);

impl Bits {
    pub(super) fn insert(&mut self, at: usize) {
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn remove(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    pub(super) fn set(&mut self, at: usize, is: bool) {
        if is { self.insert(at) } else { self.remove(at) }
    }

    /// How many are in both.
    pub(super) fn common(&self, other: &Self) -> u64 {
        self.0.iter().zip(&other.0).map(|(a, b)| u64::from((a & b).count_ones())).sum()
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.0
    }
}

/// One row of bits for each agent: the profiles the agent qualifies for. All rows lie in one piece of memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    width: usize,
    words: Vec<u64>,
}

impl Rows {
    /// Rows of at least `columns` bits.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        let width = columns.div_ceil(64).max(1);
        Self { width, words: vec![0; rows * width] }
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        &self.words[row * self.width..][..self.width]
    }

    pub(super) fn contains(&self, row: usize, column: usize) -> bool {
        self.words[row * self.width + column / 64] >> (column % 64) & 1 == 1
    }

    pub(super) fn set(&mut self, row: usize, column: usize, on: bool) {
        let word = &mut self.words[row * self.width + column / 64];
        *word = *word & !(1 << (column % 64)) | u64::from(on) << (column % 64);
    }

    /// Makes room for `columns` bits a row, doubling so that growing one by one stays cheap.
    pub(super) fn widen(&mut self, columns: usize) {
        let needed = columns.div_ceil(64);
        if needed <= self.width {
            return;
        }
        let width = needed.max(self.width * 2);
        let mut words = Vec::with_capacity(self.words.len() / self.width * width);
        for row in self.words.chunks_exact(self.width) {
            words.extend_from_slice(row);
            words.resize(words.len() + width - self.width, 0);
        }
        *self = Self { width, words };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_bits_when_they_are_widened() {
        let mut rows = Rows::new(3, 10);
        rows.set(0, 9, true);
        rows.set(2, 3, true);
        rows.widen(200);
        rows.set(1, 199, true);
        let found: Vec<Vec<usize>> = (0..3).map(|r| ones(rows.row(r).iter().copied()).collect()).collect();
        assert_eq!(found, [vec![9], vec![199], vec![3]]);
    }
}

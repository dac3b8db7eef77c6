//! A table from field name to field index.

/// Open addressing over a hash of a name's length, first and last eight bytes: field names are
/// short, and nothing a caller sends is ever inserted, so a cheap hash is safe here.
pub(crate) struct NameTable {
    slots: Box<[Slot]>,
}

#[derive(Clone, Default)]
struct Slot {
    name: Box<str>,
    /// Index + 1; 0 is free.
    index: u16,
}

impl NameTable {
    pub(crate) fn with_capacity(names: usize) -> Self {
        let size = (names * 2).next_power_of_two().max(4);
        Self { slots: vec![Slot::default(); size].into() }
    }

    /// Adds a name; the first of two equal names stays.
    pub(crate) fn insert(&mut self, name: &str, index: u16) {
        let mask = self.slots.len() - 1;
        let mut at = hash(name.as_bytes()) as usize & mask;
        while self.slots[at].index != 0 {
            if &*self.slots[at].name == name {
                return;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = Slot { name: name.into(), index: index + 1 };
    }

    pub(crate) fn get(&self, name: &str) -> Option<u16> {
        let mask = self.slots.len() - 1;
        let mut at = hash(name.as_bytes()) as usize & mask;
        // The table is at most half full, so a free slot ends the search.
        loop {
            let slot = &self.slots[at];
            let index = slot.index.checked_sub(1)?;
            if &*slot.name == name {
                return Some(index);
            }
            at = (at + 1) & mask;
        }
    }
}

fn hash(name: &[u8]) -> u64 {
    let (first, last) =
        if name.len() >= 8 { (load(&name[..8]), load(&name[name.len() - 8..])) } else { (load(name), 0) };
    let mixed = (first ^ last.rotate_left(29) ^ name.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

fn load(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::NameTable;

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let names =
            ["id", "tenantId", "tenant_id", "a_rather_long_field_name_1", "a_rather_long_field_name_2"];
        let mut table = NameTable::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            table.insert(name, index as u16);
        }
        for (index, name) in names.iter().enumerate() {
            assert_eq!(table.get(name), Some(index as u16));
        }
        for name in ["", "i", "idd", "tenant_i", "a_rather_long_field_name_3"] {
            assert_eq!(table.get(name), None, "{name}");
        }
    }
}

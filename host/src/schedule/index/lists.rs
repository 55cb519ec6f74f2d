//! Many short lists of who holds what, in one arena: joining, leaving and emptying cost the same however long a list is.
//! It must not know what a list stands for.

use crate::schedule::Ticket;

/// No record, no node.
pub(super) const NONE: usize = usize::MAX;

/// A list, by its place among the heads.
pub(super) type ListId = usize;

/// A record's place in the arena. It may have been given to another holder since: whoever kept it asks with the holder.
pub(super) type RecordId = usize;

/// Who a record is for: a call, and one of its entries. No two live records of an arena have the same holder and list.
pub(super) type Holder = (Ticket, usize);

#[derive(Clone, Copy, Debug)]
struct Record {
    holder: Holder,
    list: ListId,
    prev: RecordId,
    next: RecordId,
    /// The record of the same holder in another list that comes and goes with this one.
    twin: RecordId,
    /// It stays when what lies within a write is hidden.
    stays: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lists {
    heads: Vec<RecordId>,
    records: Vec<Record>,
    free: Vec<RecordId>,
}

impl Lists {
    /// Makes sure that there are at least `count` lists.
    pub(super) fn reserve(&mut self, count: usize) {
        if self.heads.len() < count {
            self.heads.resize(count, NONE);
        }
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> usize {
        self.heads.len()
    }

    /// Puts a holder into a list.
    pub(super) fn join(&mut self, list: ListId, holder: Holder, twin: RecordId, stays: bool) -> RecordId {
        let next = self.heads.get(list).copied().unwrap_or(NONE);
        let record = Record {
            holder,
            list,
            prev: NONE,
            next,
            twin,
            stays,
        };
        let id = match self.free.pop() {
            Some(id) => {
                if let Some(slot) = self.records.get_mut(id) {
                    *slot = record;
                }
                id
            }
            None => {
                self.records.push(record);
                self.records.len() - 1
            }
        };
        if let Some(after) = self.records.get_mut(next) {
            after.prev = id;
        }
        if let Some(head) = self.heads.get_mut(list) {
            *head = id;
        }
        id
    }

    /// Whether the record is there and still this holder's.
    pub(super) fn is(&self, id: RecordId, holder: Holder) -> bool {
        self.records
            .get(id)
            .is_some_and(|record| record.list != NONE && record.holder == holder)
    }

    /// Takes a record out, if it is still this holder's: the list that it was in, and its twin.
    pub(super) fn leave(&mut self, id: RecordId, holder: Holder) -> Option<(ListId, RecordId)> {
        if !self.is(id, holder) {
            return None;
        }
        let record = *self.records.get(id)?;
        match self.records.get_mut(record.prev) {
            Some(before) => before.next = record.next,
            None => *self.heads.get_mut(record.list)? = record.next,
        }
        if let Some(after) = self.records.get_mut(record.next) {
            after.prev = record.prev;
        }
        self.records.get_mut(id)?.list = NONE;
        self.free.push(id);
        Some((record.list, record.twin))
    }

    /// The list that a record is in.
    pub(super) fn list_of(&self, id: RecordId) -> Option<ListId> {
        self.records.get(id).map(|record| record.list)
    }

    /// The calls in a list, the youngest first.
    pub(super) fn of(&self, list: ListId) -> impl Iterator<Item = Ticket> {
        self.records_of(list).map(|(_, record)| record.holder.0)
    }

    /// The records of a list that may be hidden, with their holders.
    pub(super) fn may_go(&self, list: ListId) -> impl Iterator<Item = (RecordId, Holder)> {
        let may = self.records_of(list).filter(|(_, record)| !record.stays);
        may.map(|(id, record)| (id, record.holder))
    }

    fn records_of(&self, list: ListId) -> impl Iterator<Item = (RecordId, &Record)> {
        let mut at = self.heads.get(list).copied().unwrap_or(NONE);
        std::iter::from_fn(move || {
            let record = self.records.get(at)?;
            Some((std::mem::replace(&mut at, record.next), record))
        })
    }

    /// Whether nobody is in the list.
    pub(super) fn is_empty(&self, list: ListId) -> bool {
        self.heads.get(list).is_none_or(|head| *head == NONE)
    }

    #[cfg(test)]
    pub(super) fn nobody(&self) -> bool {
        self.heads.iter().all(|head| *head == NONE) && self.free.len() == self.records.len()
    }
}

//! What stands in for the browser room in a build without it: types that no value has, so that what would drive a browser can
//! be written once and never runs. It must not do anything.

use crate::call::Footprint;
use crate::policy::ToolRules;
use std::sync::Arc;

/// No browsers.
#[derive(Debug)]
pub enum Browsers {}

/// No session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {}

/// No visit.
#[derive(Debug)]
pub(crate) enum Visit {}

impl Browsers {
    pub(crate) fn status(&self) -> Vec<SessionStatus> {
        match *self {}
    }

    pub(crate) fn shows_tabs(&self) -> bool {
        match *self {}
    }

    pub(crate) fn end(&self) {
        match *self {}
    }

    pub(crate) fn close(&self) -> std::future::Ready<()> {
        match *self {}
    }
}

impl Visit {
    pub(crate) fn new(browsers: Arc<Browsers>, _: &str, _: Arc<ToolRules>, _: Arc<Footprint>) -> Self {
        match *browsers {}
    }

    pub(crate) fn end(self) -> std::future::Ready<()> {
        match self {}
    }
}

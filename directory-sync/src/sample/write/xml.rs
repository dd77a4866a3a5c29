//! One record as XML: whole, as what changed of it, or gone.

use crate::incoming::Category;
use crate::model::Names;

/// A record with every attribute that its dialect has for it.
pub(super) struct Written {
    category: Category,
    key: String,
    attributes: Vec<(&'static str, Vec<String>)>,
}

impl Written {
    pub(super) fn new(category: Category, key: &str, key_attribute: &'static str) -> Self {
        Self { category, key: key.to_owned(), attributes: Vec::with_capacity(24) }.attr(key_attribute, [key])
    }

    pub(super) fn attr<'a>(mut self, name: &'static str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.attributes.push((name, values.into_iter().map(str::to_owned).collect()));
        self
    }

    /// The names as secondary schools' files call them.
    pub(super) fn names(self, names: &Names) -> Self {
        self.attr("ENTPersonNomPatro", names.birth.as_deref())
            .attr("sn", [&*names.family])
            .attr("givenName", [&*names.given])
            .attr("personalTitle", names.title.as_deref())
    }

    /// The names as primary schools' files call them.
    pub(super) fn names_of_primary(self, names: &Names) -> Self {
        self.attr("ENTPersonNomPatro", names.birth.as_deref())
            .attr("ENTPersonNom", [&*names.family])
            .attr("ENTPersonPrenom", [&*names.given])
            .attr("ENTPersonCivilite", names.title.as_deref())
    }

    pub(super) fn add(&self) -> String {
        let mut xml = self.open("addRequest");
        xml.push_str("<attributes>\n");
        for (name, values) in &self.attributes {
            xml.push_str("<attr name=\"");
            xml.push_str(name);
            xml.push_str("\">");
            push_values(&mut xml, values);
            xml.push_str("</attr>\n");
        }
        xml.push_str("</attributes>\n</addRequest>\n");
        xml
    }

    /// The attributes that are not as they were, each with all its values; nothing where all are.
    pub(super) fn modify(&self, before: &Self) -> Option<String> {
        let was = |name: &str| before.attributes.iter().find(|(known, _)| *known == name).map(|(_, values)| values);
        let mut changed = self.attributes.iter().filter(|(name, values)| was(name) != Some(values)).peekable();
        changed.peek()?;
        let mut xml = self.open("modifyRequest");
        xml.push_str("<modifications>\n");
        for (name, values) in changed {
            xml.push_str("<modification name=\"");
            xml.push_str(name);
            xml.push_str("\" operation=\"replace\">");
            push_values(&mut xml, values);
            xml.push_str("</modification>\n");
        }
        xml.push_str("</modifications>\n</modifyRequest>\n");
        Some(xml)
    }

    pub(super) fn delete(&self) -> String {
        let mut xml = self.open("deleteRequest");
        xml.push_str("</deleteRequest>\n");
        xml
    }

    fn open(&self, request: &str) -> String {
        let (attribute, word) = self.category.in_record();
        let key = &self.key;
        format!(
            "<{request}>\n<operationalAttributes><attr name=\"{attribute}\"><value>{word}</value></attr>\
             </operationalAttributes>\n<identifier><id>{key}</id></identifier>\n"
        )
    }
}

fn push_values(xml: &mut String, values: &[String]) {
    for value in values {
        xml.push_str("<value>");
        for letter in value.chars() {
            match letter {
                '&' => xml.push_str("&amp;"),
                '<' => xml.push_str("&lt;"),
                '>' => xml.push_str("&gt;"),
                '\'' => xml.push_str("&apos;"),
                other => xml.push(other),
            }
        }
        xml.push_str("</value>");
    }
    if values.is_empty() {
        xml.push_str("<value/>");
    }
}

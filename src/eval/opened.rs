//! What a reference to a module call stands for where its value is asked for: an object of the module's outputs. As long as
//! only one output is read the reference stays one, so that outputs are evaluated when they are needed.

use std::sync::Arc;

use super::fault::Evaluated;
use super::scope::Scope;
use super::submodule::MODULE;
use super::value::Value;
use crate::address::ResourceAddress;
use crate::source::Span;

impl Scope<'_> {
    /// The value; of a reference to a module call, the object of its outputs.
    pub(super) fn opened(&self, value: Value, span: Span) -> Evaluated {
        match &value {
            Value::Ref(address) if &*address.kind == MODULE => self.outputs_of(address, span).unwrap_or(Ok(value)),
            _ => Ok(value),
        }
    }

    /// The value, with objects of outputs wherever a module call is referred to in it.
    pub(super) fn opened_deep(&self, value: Value, span: Span) -> Evaluated {
        let mut modules = false;
        value.each_reference(&mut |address| modules |= &*address.kind == MODULE);
        if !modules {
            return Ok(value);
        }
        let all = |items: &[Value]| -> Evaluated<Vec<Value>> {
            items.iter().map(|item| self.opened_deep(item.clone(), span)).collect()
        };
        // Modules within modules: what one hands on holds what the next does.
        self.nested(span, || match &value {
            Value::Ref(_) => self.opened_deep(self.opened(value.clone(), span)?, span),
            // Outputs differ in type: what was a list of references is a tuple of objects.
            Value::List(_, items) | Value::Set(_, items) | Value::Tuple(items) => Ok(Value::Tuple(all(items)?.into())),
            Value::Map(_, entries) | Value::Object(entries) => {
                let opened =
                    entries.iter().map(|(name, value)| Ok((name.clone(), self.opened_deep(value.clone(), span)?)));
                Ok(Value::Object(Arc::new(opened.collect::<Evaluated<_>>()?)))
            }
            _ => Ok(value.clone()),
        })
    }

    fn outputs_of(&self, address: &Arc<ResourceAddress>, span: Span) -> Option<Evaluated> {
        let names = self.roots.outputs(address)?;
        let read = |name: Arc<str>| Ok((name.clone(), self.roots.dereference(address, &name, span)?));
        let entries: Evaluated<_> = names.into_iter().map(read).collect();
        Some(entries.map(|entries| Value::Object(Arc::new(entries))))
    }
}

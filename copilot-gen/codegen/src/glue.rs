//! Emits what progenitor cannot know: the traits and accessors of the events, and the addresses of the operations.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_json::Value;

use crate::{
    contract::{Contract, Error, Variant},
    model::Model,
    names::{member_ident, static_ident, type_ident},
    order, pattern, payloads,
};

pub(crate) fn emit(contract: &Contract, model: &Model) -> Result<TokenStream, Error> {
    let events = events(contract, model)?;
    let payloads = payloads::emit(model)?;
    let operations = operations(contract)?;
    let hooks = hooks(contract);
    Ok(quote! {
        use super::{contract::{Choice, InvalidInput, IntoProperty, Judge, NumberSchema, Path, Provenance, Violation}, json::Writer};

        #hooks #events #payloads #operations
    })
}

/// The hooks must stand in the crate of `Client` (orphan rule), and beside it also in a test that generates its own.
fn hooks(contract: &Contract) -> TokenStream {
    let reads_body = contract.operations().filter_map(|(_, _, operation)| {
        let success = operation.pointer("/responses/200/content").is_some();
        operation.get("operationId").and_then(Value::as_str).filter(|_| success)
    });
    quote! {
        impl ClientHooks<super::raw::RequestSettings> for Client {
            async fn pre<E>(&self, request: &mut reqwest::Request, info: &OperationInfo) -> Result<(), Error<E>> {
                self.inner.prepare(request, info.operation_id);
                Ok(())
            }

            async fn exec(&self, request: reqwest::Request, info: &OperationInfo) -> reqwest::Result<reqwest::Response> {
                let reads_body = [#(#reads_body),*].contains(&info.operation_id);
                super::raw::execute(&self.client, request, &self.inner, reads_body).await
            }
        }
    }
}

fn events(contract: &Contract, model: &Model) -> Result<TokenStream, Error> {
    let (_, variants) = contract.event_mapping()?;
    let event = type_ident(contract.event_name()?);
    let event_table = static_ident(contract.event_name()?);
    let id_type = member_type(&variants, "event_id")?;
    let time_type = member_type(&variants, "timestamp")?;
    let count = variants.len();
    let wire_names = variants.iter().map(|variant| variant.wire_name);
    let idents: Vec<Ident> = variants.iter().map(|variant| type_ident(variant.wire_name)).collect();
    let time_table = static_ident(&time_type.to_string());

    let payloads = variants
        .iter()
        .zip(&idents)
        .map(|(variant, variant_ident)| payload(variant, &event, variant_ident, &id_type, &time_type));
    let types = variants.iter().zip(&idents).map(|(variant, ident)| {
        let wire_name = variant.wire_name;
        quote! { Self::#ident { .. } => #wire_name }
    });
    let id_is_plain = model.schemas.iter().any(|used| {
        used.name.as_deref().is_some_and(|name| id_type == name) && pattern::is_plain(used).unwrap_or(false)
    });
    let write_id = if id_is_plain { quote!(plain) } else { quote!(member) };
    let (discriminator, _) = &model.event.discriminator;
    let heads = variants.iter().zip(&idents).map(|(variant, ident)| {
        let wire_name = Value::from(variant.wire_name);
        let head = format!("{{{}{wire_name},", payloads::member(discriminator));
        quote! { Self::#ident { .. } => #head }
    });
    let [mut event_id, payload, timestamp] = ["event_id", "payload", "timestamp"].map(payloads::member);
    let payload = format!("{payload}{{");
    if id_is_plain {
        event_id.push('"');
    }
    let user_id = accessor(
        contract,
        &variants,
        &idents,
        "user_id",
        "The user that the event is about, where it names one.",
    )?;
    let thing_id = accessor(
        contract,
        &variants,
        &idents,
        "thing_id",
        "The thing that the event is about, where it names one.",
    )?;
    let order_key = order::key(model);
    Ok(quote! {
        /// The types of events that Copilot.cx knows, as they are named on the wire, in the contract's order.
        pub const EVENT_TYPES: [&str; #count] = [#(#wire_names),*];

        /// What an event is made of: a payload, or the builder of one.
        #[diagnostic::on_unimplemented(
            message = "no event can be made of `{Self}` with an id of the type `{Id}`",
            note = "a payload takes an `EventId`; the builder of one takes text and a `Uuid` as well"
        )]
        pub trait IntoEvent<Id = types::#id_type>: Sized {
            /// The event of a payload. Of a builder, the `Result` that says what breaks the contract.
            type Event;

            /// Makes the event, under that id, at that time.
            fn into_event(self, event_id: Id, timestamp: types::#time_type) -> Self::Event;
        }

        /// A payload, which decides the type of the event that carries it.
        pub trait EventPayload: IntoEvent<Event = types::#event> {
            /// The type of the event, as it is named on the wire.
            const EVENT_TYPE: &'static str;
        }

        /// The event of parts that a builder was given, or everything that breaks the contract in them.
        fn event_of<P: EventPayload>(
            event_id: ::std::result::Result<types::#id_type, InvalidInput>,
            payload: ::std::result::Result<P, InvalidInput>,
            timestamp: types::#time_type,
        ) -> ::std::result::Result<types::#event, InvalidInput> {
            let mut judge = Judge::default();
            let event_id = judge.part("event_id", event_id);
            let payload = judge.part("payload", payload);
            judge.integer("timestamp", &schemas::#time_table, timestamp.0, None);
            judge.made(|| Some(payload?.into_event(event_id?, timestamp)))
        }

        #(#payloads)*

        impl types::#event {
            /// The type of the event, as it is named on the wire.
            pub fn event_type(&self) -> &'static str {
                match self { #(#types),* }
            }

            /// The sender's own id of the event.
            pub fn event_id(&self) -> &types::#id_type {
                match self { #(Self::#idents { event_id, .. })|* => event_id }
            }

            /// When the event happened.
            pub fn timestamp(&self) -> &types::#time_type {
                match self { #(Self::#idents { timestamp, .. })|* => timestamp }
            }

            #user_id

            #thing_id

            #order_key

            /// About how many bytes of memory the event takes: its own size, its texts, and its properties of one's own.
            #[doc(hidden)]
            pub fn weight(&self) -> usize {
                let payload = match self { #(Self::#idents { payload, .. } => payload.weight()),* };
                ::std::mem::size_of::<Self>() + self.event_id().len() + payload
            }

            /// Reads JSON text and holds it against the contract. `now` is the receiver's clock in milliseconds since 1970.
            ///
            /// A text that keeps to the contract goes straight into the types. Any other one, and one with a number that
            /// serde may have read otherwise than it is written, is read once more as it stands, to say all that it breaks.
            #[doc(hidden)]
            pub fn parse(text: &str, now: i64) -> ::std::result::Result<Self, InvalidInput> {
                if let Some(event) = super::json::from_text::<Self>(text)
                    && event.judge(now).is_content()
                {
                    return Ok(event);
                }
                Self::from_json(super::json::Json::parse(text)?, now)
            }

            /// As [`parse`](Self::parse), of JSON that was read.
            #[doc(hidden)]
            pub fn from_json(json: super::json::Json, now: i64) -> ::std::result::Result<Self, InvalidInput> {
                InvalidInput::if_any(Self::violations_in(&json, now))?;
                Ok(Self::try_from(json)?)
            }

            /// Every rule of the contract that the event breaks, in the order of their places. `now` is the receiver's clock
            /// in milliseconds since 1970, for the rules about time.
            pub fn violations(&self, now: i64) -> ::std::vec::Vec<Violation> {
                self.judge(now).finish()
            }

            /// Every rule of the contract that a JSON value breaks as an event, as [`violations`](Self::violations).
            #[doc(hidden)]
            pub fn violations_in(json: &super::json::Json, now: i64) -> ::std::vec::Vec<Violation> {
                schemas::#event_table.violations(json, now)
            }

            /// Holds the event against every rule that its types do not hold.
            fn judge(&self, now: i64) -> Judge {
                let mut judge = Judge::default();
                match self { #(Self::#idents { payload, .. } => payload.judge(&mut judge)),* }
                judge.within("payload");
                judge.integer("timestamp", &schemas::#time_table, self.timestamp().0, Some(now));
                judge
            }

            /// Adds the event to a text of JSON, with the bytes that `Serialize` gives.
            #[doc(hidden)]
            pub fn write(&self, text: &mut ::std::vec::Vec<u8>) {
                let mut json = Writer::new(text);
                json.verbatim(match self { #(#heads),* });
                json.#write_id(#event_id, self.event_id());
                json.verbatim(#payload);
                match self { #(Self::#idents { payload, .. } => payload.write(&mut json)),* }
                json.end();
                json.verbatim(",");
                json.member(#timestamp, self.timestamp());
                json.end();
            }
        }
    })
}

/// What makes events of one payload and of its builder.
fn payload(
    variant: &Variant<'_>,
    event: &Ident,
    variant_ident: &Ident,
    id_type: &Ident,
    time_type: &Ident,
) -> TokenStream {
    let payload = type_ident(variant.payload);
    let wire_name = variant.wire_name;
    quote! {
        impl EventPayload for types::#payload {
            const EVENT_TYPE: &'static str = #wire_name;
        }

        impl IntoEvent for types::#payload {
            type Event = types::#event;

            fn into_event(self, event_id: types::#id_type, timestamp: types::#time_type) -> Self::Event {
                types::#event::#variant_ident { event_id, payload: self, timestamp }
            }
        }

        impl<Id: IntoProperty<types::#id_type>> IntoEvent<Id> for types::builder::#payload {
            type Event = ::std::result::Result<types::#event, InvalidInput>;

            fn into_event(self, event_id: Id, timestamp: types::#time_type) -> Self::Event {
                event_of(event_id.into_property(), self.build(), timestamp)
            }
        }
    }
}

/// An accessor over all variants for a payload property that many types share.
fn accessor(
    contract: &Contract,
    variants: &[Variant<'_>],
    idents: &[Ident],
    property: &str,
    doc: &str,
) -> Result<TokenStream, Error> {
    let name = member_ident(property);
    let mut ty = None;
    let mut arms = TokenStream::new();
    for (variant, variant_ident) in variants.iter().zip(idents) {
        let payload = contract.schema(variant.payload)?;
        let found = payload
            .get("properties")
            .and_then(|properties| properties.get(property))
            .and_then(Contract::reference);
        let required = payload
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| names.iter().any(|name| name.as_str() == Some(property)));
        arms.extend(match found {
            None => quote! { Self::#variant_ident { .. } => ::std::option::Option::None, },
            Some(found) => {
                ty = Some(type_ident(found));
                if required {
                    quote! { Self::#variant_ident { payload, .. } => ::std::option::Option::Some(&payload.#name), }
                } else {
                    quote! { Self::#variant_ident { payload, .. } => payload.#name.as_ref(), }
                }
            }
        });
    }
    let ty = ty.ok_or_else(|| Error::new("glue", format!("no payload has a property `{property}`")))?;
    Ok(quote! {
        #[doc = #doc]
        pub fn #name(&self) -> ::std::option::Option<&types::#ty> {
            match self { #arms }
        }
    })
}

/// Where the operations live, so that nobody writes a path or a host a second time.
fn operations(contract: &Contract) -> Result<TokenStream, Error> {
    let root = contract.root();
    let text = |pointer: &str| {
        root.pointer(pointer).and_then(Value::as_str).ok_or_else(|| Error::new(pointer, "missing"))
    };
    let server = text("/servers/0/url")?;
    let api_version = text("/info/version")?;
    let contract_version = text("/info/x-contract-version")?;
    let mut constants = TokenStream::new();
    for (path, method, operation) in contract.operations() {
        let id = operation
            .get("operationId")
            .and_then(Value::as_str)
            .ok_or_else(|| Error::new(path, "operationId is missing"))?;
        let constant = static_ident(id);
        let method = method.to_ascii_uppercase();
        let doc = operation.get("summary").and_then(Value::as_str).unwrap_or(id);
        constants.extend(quote! {
            #[doc = #doc]
            pub const #constant: super::super::raw::Operation =
                super::super::raw::Operation { id: #id, method: #method, path: #path };
        });
    }
    Ok(quote! {
        /// The contract's first server, with `{environment}` for the name of the environment.
        pub const SERVER: &str = #server;
        /// The version of the API that the contract describes.
        pub const API_VERSION: &str = #api_version;
        /// The version of the contract itself.
        pub const CONTRACT_VERSION: &str = #contract_version;

        /// The operations: their ids, methods and paths.
        pub mod operations {
            #constants
        }
    })
}

/// The type that all variants use for a member.
pub(crate) fn member_type(variants: &[Variant<'_>], member: &str) -> Result<Ident, Error> {
    let mut names = variants.iter().map(|variant| {
        variant
            .schema
            .pointer(&format!("/properties/{member}"))
            .and_then(Contract::reference)
            .unwrap_or_default()
    });
    let first = names.next().unwrap_or_default();
    if first.is_empty() || names.any(|name| name != first) {
        return Err(Error::new(
            "glue",
            format!("the events do not agree on one named schema for `{member}`"),
        ));
    }
    Ok(type_ident(first))
}

//! Writes what the derive `Schema` expands to.
//!
//! It must describe the JSON that serde reads and writes for the same type, and refuse what it can't describe.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, Meta, Result, Token, Variant};

use crate::attributes::{doc, member, string, word};

/// What `#[serde(…)]` says that changes the shape.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    rename_all: Option<String>,
    default: bool,
    skip: bool,
    left_out: bool,
    deny_unknown_fields: bool,
}

impl Serde {
    fn read(attributes: &[Attribute]) -> Result<Serde> {
        let mut serde = Serde::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                match (word(&meta).as_str(), &meta) {
                    ("rename", Meta::NameValue(pair)) => serde.rename = Some(string(&pair.value)?.value()),
                    ("rename_all", Meta::NameValue(pair)) => serde.rename_all = Some(string(&pair.value)?.value()),
                    ("default", _) => serde.default = true,
                    ("skip", _) => serde.skip = true,
                    ("skip_serializing_if", _) => serde.left_out = true,
                    ("deny_unknown_fields", _) => serde.deny_unknown_fields = true,
                    ("crate" | "transparent" | "bound", _) => {}
                    _ if meta.path().is_ident("crate") => {}
                    _ => {
                        let problem = "`Schema` can't describe what this attribute of serde does to the type";
                        return Err(Error::new(meta.span(), problem));
                    }
                }
            }
        }
        Ok(serde)
    }
}

/// The `Schema` of a struct or an enum.
pub fn expand(item: &DeriveInput) -> Result<TokenStream> {
    if !item.generics.params.is_empty() {
        return Err(Error::new(
            item.generics.span(),
            "`Schema` is derived for types without generic parameters",
        ));
    }
    let serde = Serde::read(&item.attrs)?;
    let body = match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => object(&serde, fields.named.iter())?,
            Fields::Unnamed(fields) if fields.unnamed.len() == 1 => wrapper(&fields.unnamed[0]),
            other => {
                return Err(Error::new(
                    other.span(),
                    "`Schema` needs named fields, or one unnamed field",
                ));
            }
        },
        Data::Enum(data) => names(&serde, data.variants.iter())?,
        Data::Union(data) => return Err(Error::new(data.union_token.span, "a union has no JSON")),
    };
    let (ident, description) = (&item.ident, doc(&item.attrs));
    Ok(quote! {
        #[automatically_derived]
        impl ::toolyard_sdk::__private::Schema for #ident {
            const DESCRIPTION: &'static str = #description;
            #body
        }
    })
}

fn object<'a>(serde: &Serde, fields: impl Iterator<Item = &'a Field>) -> Result<TokenStream> {
    let (mut properties, mut required, mut claims) = (Vec::new(), Vec::new(), Vec::new());
    for field in fields {
        let own = Serde::read(&field.attrs)?;
        if own.skip {
            continue;
        }
        let Some(ident) = &field.ident else { continue };
        let name = match &own.rename {
            Some(name) => name.clone(),
            None => renamed_field(&ident.unraw().to_string(), serde.rename_all.as_deref(), field)?,
        };
        properties.push(property(&name, field, own.left_out));
        let ty = &field.ty;
        if !own.default && !serde.default {
            required.push((name.clone(), quote_spanned!(ty.span()=> !<#ty as __Schema>::OPTIONAL)));
        }
        claims.push(quote!((#name, &<#ty as ::toolyard_sdk::__private::Schema>::CLAIMS)));
    }
    let deny = serde.deny_unknown_fields;
    let (names, conditions): (Vec<_>, Vec<_>) = required.into_iter().unzip();
    Ok(quote! {
        const TYPE: ::toolyard_sdk::__private::Type = ::toolyard_sdk::__private::Type::Object;
        const MEMBERS: ::toolyard_sdk::__private::Json = {
            use ::toolyard_sdk::__private::{Json as __Json, Schema as __Schema};
            __Json::List(&[
                __Json::TextMember("type", "object"),
                __Json::Member("properties", &__Json::Object(&[#(#properties),*])),
                __Json::When(
                    false #(|| #conditions)*,
                    &__Json::Member("required", &__Json::Array(&[#(__Json::When(#conditions, &__Json::Text(#names))),*])),
                ),
                __Json::When(#deny, &__Json::Member("additionalProperties", &__Json::Raw("false"))),
            ])
        };
        const CLAIMS: ::toolyard_sdk::__private::Claims =
            ::toolyard_sdk::__private::Claims::Members(&[#(#claims),*]);
    })
}

/// A field's schema. One that may be `None` may be `null`, unless it is then left out or is a path to claim.
fn property(name: &str, field: &Field, left_out: bool) -> TokenStream {
    let (ty, description) = (&field.ty, member("description", &doc(&field.attrs)));
    quote_spanned! {ty.span()=>
        __Json::Member(#name, &__Json::Object(&[
            __Json::When(!#left_out && <#ty as __Schema>::CLAIMS.is_none(), &<#ty as __Schema>::MEMBERS),
            __Json::When(#left_out || !<#ty as __Schema>::CLAIMS.is_none(), &<#ty as __Schema>::PRESENT),
            __Json::When(
                #left_out || !<#ty as __Schema>::OPTIONAL,
                &__Json::List(&[
                    __Json::Member("minimum", &<#ty as __Schema>::MINIMUM),
                    __Json::Member("maximum", &<#ty as __Schema>::MAXIMUM),
                ]),
            ),
            __Json::First(&[
                __Json::Raw(#description),
                __Json::TextMember("description", <#ty as __Schema>::DESCRIPTION),
            ]),
        ]))
    }
}

/// A struct around one value is written as that value.
fn wrapper(field: &Field) -> TokenStream {
    let ty = &field.ty;
    let inner = quote_spanned!(ty.span()=> <#ty as ::toolyard_sdk::__private::Schema>);
    quote! {
        const TYPE: ::toolyard_sdk::__private::Type = #inner::TYPE;
        const MEMBERS: ::toolyard_sdk::__private::Json = #inner::MEMBERS;
        const MINIMUM: ::toolyard_sdk::__private::Json = #inner::MINIMUM;
        const MAXIMUM: ::toolyard_sdk::__private::Json = #inner::MAXIMUM;
        const CLAIMS: ::toolyard_sdk::__private::Claims = #inner::CLAIMS;
    }
}

fn names<'a>(serde: &Serde, variants: impl Iterator<Item = &'a Variant>) -> Result<TokenStream> {
    let mut names = Vec::new();
    for variant in variants {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new(
                variant.span(),
                "`Schema` is derived for enums of plain names only",
            ));
        }
        let own = Serde::read(&variant.attrs)?;
        if own.skip {
            continue;
        }
        let name = match own.rename {
            Some(name) => name,
            None => renamed_variant(&variant.ident.unraw().to_string(), serde.rename_all.as_deref(), variant)?,
        };
        names.push(name);
    }
    Ok(quote! {
        const TYPE: ::toolyard_sdk::__private::Type = ::toolyard_sdk::__private::Type::String;
        const MEMBERS: ::toolyard_sdk::__private::Json = {
            use ::toolyard_sdk::__private::Json as __Json;
            __Json::List(&[
                __Json::TextMember("type", "string"),
                __Json::Member("enum", &__Json::Array(&[#(__Json::Text(#names)),*])),
            ])
        };
    })
}

/// A field's name (in snake_case) under serde's `rename_all`.
fn renamed_field(name: &str, rule: Option<&str>, place: &Field) -> Result<String> {
    let camel = |first: bool| {
        let mut upper = first;
        let mut text = String::new();
        for character in name.chars() {
            match character {
                '_' => upper = true,
                _ if upper => {
                    text.push(character.to_ascii_uppercase());
                    upper = false;
                }
                _ => text.push(character),
            }
        }
        text
    };
    Ok(match rule {
        None | Some("snake_case" | "lowercase") => name.to_owned(),
        Some("UPPERCASE" | "SCREAMING_SNAKE_CASE") => name.to_ascii_uppercase(),
        Some("kebab-case") => name.replace('_', "-"),
        Some("camelCase") => camel(false),
        Some("PascalCase") => camel(true),
        Some(other) => {
            return Err(Error::new(
                place.span(),
                format!("`Schema` doesn't know `rename_all = \"{other}\"`"),
            ));
        }
    })
}

/// A variant's name (in PascalCase) under serde's `rename_all`.
fn renamed_variant(name: &str, rule: Option<&str>, place: &Variant) -> Result<String> {
    let mut snake = String::new();
    for (index, character) in name.char_indices() {
        if index > 0 && character.is_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    Ok(match rule {
        None | Some("PascalCase") => name.to_owned(),
        Some("lowercase") => name.to_ascii_lowercase(),
        Some("UPPERCASE") => name.to_ascii_uppercase(),
        Some("snake_case") => snake,
        Some("SCREAMING_SNAKE_CASE") => snake.to_ascii_uppercase(),
        Some("kebab-case") => snake.replace('_', "-"),
        Some("camelCase") => name[..1].to_ascii_lowercase() + &name[1..],
        Some(other) => {
            return Err(Error::new(
                place.span(),
                format!("`Schema` doesn't know `rename_all = \"{other}\"`"),
            ));
        }
    })
}

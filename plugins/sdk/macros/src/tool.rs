//! Writes what the attribute `tool` expands to.
//!
//! It must not decide anything about a type: that is the trait `Schema`'s, at compile time in the plugin's crate.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn, Pat, PatType, Result, ReturnType, Type};

use crate::attributes::{Arg, Claim, Kind, Literal, Tool, doc, member};

/// One parameter of the function.
struct Parameter {
    name: String,
    ty: Type,
    description: String,
    arg: Arg,
}

/// The function as it was, a type of its name, and that type's `Tool`.
pub fn expand(options: TokenStream, mut function: ItemFn) -> Result<TokenStream> {
    let tool = Tool::read(options)?;
    check_signature(&function)?;
    let name = tool_name(&tool, &function)?;
    let description = doc(&function.attrs);
    if description.is_empty() {
        let problem = "a tool needs a doc comment: it is the description that a model chooses it by";
        return Err(Error::new(function.sig.ident.span(), problem));
    }
    let parameters = parameters(&mut function)?;
    let fixed = tool.claims.iter().map(|claim| fixed(claim, &parameters));
    let fixed = fixed.collect::<Result<Vec<_>>>()?;
    let declaration = declaration(&name, &description, &tool, &fixed, &parameters, &function.sig.output);
    let call = call(&parameters, &function);
    let checks = parameters.iter().map(Parameter::checks);
    let (ident, visibility) = (&function.sig.ident, &function.vis);
    Ok(quote! {
        #function

        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #visibility struct #ident {}

        #[automatically_derived]
        impl ::toolyard_sdk::__private::Tool for #ident {
            const NAME: &'static str = #name;
            const DECLARATION: ::toolyard_sdk::__private::Json = #declaration;
            #call
        }

        #(#checks)*
    })
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(token.span, "a tool is a plain function, not an async one"));
    }
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a tool has no generic parameters",
        ));
    }
    Ok(())
}

fn tool_name(tool: &Tool, function: &ItemFn) -> Result<String> {
    let (name, span) = match &tool.name {
        Some(name) => (name.value(), name.span()),
        None => (function.sig.ident.unraw().to_string(), function.sig.ident.span()),
    };
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Ok(name)
    } else {
        Err(Error::new(
            span,
            "a tool's name is in snake_case: lower-case letters, digits and `_`",
        ))
    }
}

/// Reads the parameters and takes the attributes off that only this macro understands.
fn parameters(function: &mut ItemFn) -> Result<Vec<Parameter>> {
    let mut parameters = Vec::new();
    for input in &mut function.sig.inputs {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = input else {
            return Err(Error::new(input.span(), "a tool is a free function, not a method"));
        };
        let Pat::Ident(pattern) = &**pat else {
            return Err(Error::new(
                pat.span(),
                "a tool's parameter has a plain name: the argument's",
            ));
        };
        if let Type::Reference(reference) = &**ty {
            return Err(Error::new(
                reference.span(),
                "a tool takes its arguments as values: `String`, not `&str`",
            ));
        }
        let arg = Arg::read(attrs)?;
        let description = doc(attrs);
        attrs.retain(|attribute| !attribute.path().is_ident("arg") && !attribute.path().is_ident("doc"));
        let ty = (**ty).clone();
        parameters.push(Parameter {
            name: pattern.ident.unraw().to_string(),
            ty,
            description,
            arg,
        });
    }
    Ok(parameters)
}

/// A claim of the attribute as JSON text. Where it leaves the browser's session to the parameter `session`, that must be
/// there, and its default is the claim's.
fn fixed(claim: &Claim, parameters: &[Parameter]) -> Result<String> {
    let (span, rest) = match claim {
        Claim::Whole(json) => return Ok(json.clone()),
        Claim::Session(span, rest) => (span, rest),
    };
    let Some(session) = parameters.iter().find(|parameter| parameter.name == "session") else {
        let problem = "the tool needs a parameter `session: String`; or say `from = \"$.…\"` or `session = \"…\"`";
        return Err(Error::new(*span, problem));
    };
    let default = session.arg.default.as_ref().map(Literal::json);
    let default = default.map(|default| format!(",\"default\":{default}"));
    let default = default.unwrap_or_default();
    Ok(format!("{{\"browser\":{{\"from\":\"$.session\"{default}}},{rest}}}"))
}

/// The tool's entry in the manifest.
fn declaration(
    name: &str,
    description: &str,
    tool: &Tool,
    fixed: &[String],
    parameters: &[Parameter],
    output: &ReturnType,
) -> TokenStream {
    let title = member("title", &tool.title);
    let description = member("description", description);
    let properties = parameters.iter().map(Parameter::property);
    let required = parameters.iter().map(Parameter::required).collect::<Vec<_>>();
    let required_names = parameters.iter().zip(&required).map(|(parameter, required)| {
        let name = &parameter.name;
        quote!(__Json::When(#required, &__Json::Text(#name)))
    });
    let claims = parameters.iter().map(Parameter::claims);
    let output = output_type(output);
    quote! {{
        use ::toolyard_sdk::__private::{IntoOutput as __IntoOutput, Json as __Json, Schema as __Schema};
        __Json::Object(&[
            __Json::TextMember("name", #name),
            __Json::Raw(#title),
            __Json::Raw(#description),
            __Json::Member("input_schema", &__Json::Object(&[
                __Json::TextMember("type", "object"),
                __Json::Member("properties", &__Json::Object(&[#(#properties),*])),
                __Json::When(false #(|| #required)*, &__Json::Member("required", &__Json::Array(&[#(#required_names),*]))),
                __Json::Member("additionalProperties", &__Json::Raw("false")),
            ])),
            __Json::Member("output_schema", &<#output as __IntoOutput>::SCHEMA),
            __Json::Member("claims", &__Json::Array(&[#(#claims,)* #(__Json::Raw(#fixed)),*])),
        ])
    }}
}

/// The run-time half: arguments in, answer out.
fn call(parameters: &[Parameter], function: &ItemFn) -> TokenStream {
    let names = (0..parameters.len())
        .map(|index| format_ident!("argument_{index}"))
        .collect::<Vec<_>>();
    let takes = parameters.iter().map(Parameter::take);
    let ident = &function.sig.ident;
    let mutable = if parameters.is_empty() { None } else { Some(quote!(mut)) };
    quote! {
        fn call(
            arguments: &str,
        ) -> ::core::result::Result<::toolyard_sdk::__private::Output, ::toolyard_sdk::__private::Failure> {
            let #mutable arguments = ::toolyard_sdk::__private::Arguments::parse(arguments)?;
            #(let #names = arguments.#takes?;)*
            arguments.finish()?;
            ::toolyard_sdk::__private::IntoOutput::into_output(#ident(#(#names),*))
        }
    }
}

fn output_type(output: &ReturnType) -> TokenStream {
    match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    }
}

impl Parameter {
    fn span(&self) -> Span {
        self.ty.span()
    }

    /// `name: { … }` of the schema.
    fn property(&self) -> TokenStream {
        let Parameter {
            name,
            ty,
            description,
            arg,
        } = self;
        let description = member("description", description);
        let minimum = constant(arg.minimum.as_ref());
        let maximum = constant(arg.maximum.as_ref());
        let default = constant(arg.default.as_ref());
        quote_spanned! {self.span()=>
            __Json::Member(#name, &__Json::Object(&[
                <#ty as __Schema>::PRESENT,
                __Json::Member("minimum", &__Json::First(&[#minimum, <#ty as __Schema>::MINIMUM])),
                __Json::Member("maximum", &__Json::First(&[#maximum, <#ty as __Schema>::MAXIMUM])),
                __Json::Member("default", &#default),
                __Json::First(&[
                    __Json::Raw(#description),
                    __Json::TextMember("description", <#ty as __Schema>::DESCRIPTION),
                ]),
            ]))
        }
    }

    fn required(&self) -> TokenStream {
        let ty = &self.ty;
        match self.arg.default {
            Some(_) => quote!(false),
            None => quote_spanned!(self.span()=> !<#ty as __Schema>::OPTIONAL),
        }
    }

    fn claims(&self) -> TokenStream {
        let Parameter { name, ty, arg, .. } = self;
        let default = constant(arg.default.as_ref());
        let keep_link = arg.keep_link.is_some();
        quote_spanned! {self.span()=>
            __Json::Claims {
                argument: #name,
                claims: &<#ty as __Schema>::CLAIMS,
                default: &#default,
                keep_link: #keep_link,
            }
        }
    }

    fn take(&self) -> TokenStream {
        let Parameter { name, ty, arg, .. } = self;
        match &arg.default {
            Some(default) => {
                let default = default.json();
                quote_spanned!(self.span()=> take_or::<#ty>(#name, #default))
            }
            None => quote_spanned!(self.span()=> take::<#ty>(#name)),
        }
    }

    /// What only the compiler can check, because it knows the type.
    fn checks(&self) -> TokenStream {
        let Parameter { name, ty, arg, .. } = self;
        let default = arg.default.as_ref().map(|default| {
            let kind = match default.kind {
                Kind::Text(_) => quote!(String),
                Kind::Integer(_) => quote!(Integer),
                Kind::Number(_) => quote!(Number),
                Kind::Boolean(_) => quote!(Boolean),
            };
            let problem = format!("the default of `{name}` doesn't fit its type");
            quote_spanned! {default.span=>
                const _: () = assert!(
                    ::toolyard_sdk::__private::fits(
                        ::toolyard_sdk::__private::Type::#kind,
                        <#ty as ::toolyard_sdk::__private::Schema>::TYPE,
                    ),
                    #problem
                );
            }
        });
        let link = arg.keep_link.map(|span| {
            let problem = format!("`keep_link` is for paths, and `{name}` is none");
            quote_spanned! {span=>
                const _: () =
                    assert!(<#ty as ::toolyard_sdk::__private::Schema>::CLAIMS.has_path(), #problem);
            }
        });
        let bounds = arg.minimum.as_ref().or(arg.maximum.as_ref()).map(|bound| {
            let problem = format!("`minimum` and `maximum` are for numbers, and `{name}` is none");
            quote_spanned! {bound.span=>
                const _: () = assert!(
                    ::toolyard_sdk::__private::fits(
                        ::toolyard_sdk::__private::Type::Integer,
                        <#ty as ::toolyard_sdk::__private::Schema>::TYPE,
                    ),
                    #problem
                );
            }
        });
        quote!(#default #link #bounds)
    }
}

/// A literal as a constant of the manifest.
fn constant(literal: Option<&Literal>) -> TokenStream {
    match literal {
        None => quote!(__Json::NONE),
        Some(literal) => {
            let json = literal.json();
            quote!(__Json::Raw(#json))
        }
    }
}

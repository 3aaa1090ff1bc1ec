//! `#[derive(FromRow)]`: a struct is made of a row of either database, each field of the column of
//! its name.
//!
//! sqlx has a derive of that name. It brings along, compiled a second time for the compiler's own use,
//! both drivers with SQLite and the TLS library: minutes of each cold build, for what is below.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, Type, parse_macro_input};

/// A field marked `#[row(flatten)]` is itself made of the whole row.
#[proc_macro_derive(FromRow, attributes(row))]
pub fn from_row(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    expand(&item)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn expand(item: &DeriveInput) -> syn::Result<Tokens> {
    let (mut values, mut bounds) = (Vec::new(), Vec::new());
    for (field, name, ty) in named_fields(item)? {
        if is_flatten(field)? {
            values.push(quote!(#name: ::sqlx::FromRow::from_row(row)?));
            bounds.push(quote!(#ty: ::sqlx::FromRow<'row, R>));
        } else {
            let column = name.to_string();
            values.push(quote!(#name: row.try_get(#column)?));
            bounds.push(quote! {
                #ty: ::sqlx::Decode<'row, R::Database> + ::sqlx::Type<R::Database>
            });
        }
    }
    let name = &item.ident;
    Ok(quote! {
        #[automatically_derived]
        impl<'row, R: ::sqlx::Row> ::sqlx::FromRow<'row, R> for #name
        where
            &'static str: ::sqlx::ColumnIndex<R>,
            #(#bounds,)*
        {
            fn from_row(row: &'row R) -> ::std::result::Result<Self, ::sqlx::Error> {
                ::std::result::Result::Ok(Self { #(#values,)* })
            }
        }
    })
}

fn named_fields(item: &DeriveInput) -> syn::Result<Vec<(&Field, &Ident, &Type)>> {
    match &item.data {
        Data::Struct(data) if matches!(data.fields, Fields::Named(_)) => {
            let named = data.fields.iter();
            Ok(named
                .filter_map(|field| Some((field, field.ident.as_ref()?, &field.ty)))
                .collect())
        }
        _ => Err(Error::new_spanned(
            &item.ident,
            "only a struct whose fields have names",
        )),
    }
}

fn is_flatten(field: &Field) -> syn::Result<bool> {
    let Some(attribute) = field.attrs.iter().find(|a| a.path().is_ident("row")) else {
        return Ok(false);
    };
    let argument: Ident = attribute.parse_args()?;
    if argument == "flatten" {
        return Ok(true);
    }
    Err(Error::new_spanned(argument, "only `flatten`"))
}

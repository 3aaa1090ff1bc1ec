//! Attributes that make one test body a test on each database.
//!
//! ```ignore
//! #[both_databases]
//! async fn a_reporte_is_kept(site: &TestSite) { … }
//! ```
//!
//! becomes the tests `a_reporte_is_kept::sqlite` and `a_reporte_is_kept::postgres`.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{Expr, ItemFn, parse_macro_input};

/// On a site as most are; `#[both_databases(OPTIONS)]` on one with these `SiteOptions`;
/// `#[both_databases(run = RUNNER)]` by a function that takes the kind of database and the body.
#[proc_macro_attribute]
pub fn both_databases(argument: TokenStream, body: TokenStream) -> TokenStream {
    let tests = if argument.is_empty() {
        each_database(|kind| quote!(::sigra_testkit::run(#kind, test_body)))
    } else {
        match parse_macro_input!(argument as Expr) {
            Expr::Assign(run) => {
                let runner = run.right;
                each_database(|kind| quote!(#runner(#kind, test_body)))
            }
            options => {
                each_database(|kind| quote!(::sigra_testkit::run_with(#kind, #options, test_body)))
            }
        }
    };
    module(parse_macro_input!(body as ItemFn), &tests)
}

/// On both databases, with the files in a directory and in S3; the body takes a `&FilesFixture`.
#[proc_macro_attribute]
pub fn on_four_sites(_: TokenStream, body: TokenStream) -> TokenStream {
    let [directory, s3] = ["default", "with_s3"].map(|options| {
        let options = format_ident!("{options}");
        each_database(|kind| {
            quote! {
                ::sigra_testkit::files::FilesFixture::run(#kind, ::sigra_testkit::SiteOptions::#options(), test_body)
            }
        })
    });
    let tests = quote! {
        mod directory {
            use super::*;
            #directory
        }
        mod s3 {
            use super::*;
            #s3
        }
    };
    module(parse_macro_input!(body as ItemFn), &tests)
}

fn each_database(run: impl Fn(Tokens) -> Tokens) -> Tokens {
    let [sqlite, postgres] = ["Sqlite", "Postgres"].map(|kind| {
        let kind = format_ident!("{kind}");
        run(quote!(::sigra_testkit::DbKind::#kind))
    });
    quote! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn sqlite() {
            #sqlite.await;
        }
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn postgres() {
            #postgres.await;
        }
    }
}

/// The tests in a module of the body's name, which carries its attributes.
fn module(mut body: ItemFn, tests: &Tokens) -> TokenStream {
    let name = std::mem::replace(&mut body.sig.ident, format_ident!("test_body"));
    let attributes = std::mem::take(&mut body.attrs);
    quote! {
        #(#attributes)*
        mod #name {
            #[allow(unused_imports)]
            use super::*;
            #body
            #tests
        }
    }
    .into()
}

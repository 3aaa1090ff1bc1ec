# ARGS reaches the program or the tests: make test ARGS='-p sigra-store crear'
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test soak bench fmt lint deny ci

help: ## Esta lista / This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Compila y abre la demostración / Build and start the demo
	cargo build --release --locked -p sigra
	./target/release/sigra demo $(ARGS)

test: ## Todas las pruebas, en SQLite y PostgreSQL / Every test, on SQLite and PostgreSQL
	SIGRA_PG_RAPIDO=1 scripts/con-postgres cargo test --workspace --locked $(ARGS)

soak: ## Las mismas pruebas, más largas / The same tests, for longer
	SIGRA_SOAK=1 SIGRA_PG_RAPIDO=1 scripts/con-postgres cargo test --workspace --locked $(ARGS)

bench: ## Mide el servidor / Measure the server
	cargo build --release --locked -p sigra -p sigra-bench
	scripts/con-postgres ./target/release/sigra-bench $(ARGS)

fmt: ## Da formato al código / Format the code
	cargo fmt --all

lint: ## Revisa formato y estilo / Check format and style
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

deny: ## Revisa las dependencias / Check the dependencies
	scripts/deny

ci: ## Todo lo que revisa el servidor de integración / All that continuous integration checks
	.ci/run

//! Numbers as Spanish writes them: 12.345,6.

/// With that many decimals.
pub fn numero(n: f64, decimales: usize) -> String {
    let texto = format!("{n:.decimales$}");
    let (entero, decimal) = texto.split_once('.').unwrap_or((&texto, ""));
    let (signo, cifras) = entero.strip_prefix('-').map_or(("", entero), |c| ("-", c));
    let mut salida = String::from(signo);
    for (i, c) in cifras.chars().enumerate() {
        if i > 0 && (cifras.len() - i).is_multiple_of(3) {
            salida.push('.');
        }
        salida.push(c);
    }
    if !decimal.is_empty() {
        salida.push(',');
        salida.push_str(decimal);
    }
    salida
}

/// Connections, counted.
pub fn conexiones(n: u32) -> String {
    if n == 1 {
        "1 conexión".into()
    } else {
        format!("{n} conexiones")
    }
}

#[cfg(test)]
mod tests {
    use super::numero;

    #[test]
    fn thousands_and_decimals() {
        for (n, decimales, texto) in [
            (0.0, 0, "0"),
            (999.4, 0, "999"),
            (1_234.56, 1, "1.234,6"),
            (-1_234_567.0, 0, "-1.234.567"),
            (2.345, 2, "2,35"),
        ] {
            assert_eq!(numero(n, decimales), texto);
        }
    }
}

//! Numbers of which some have names.

/// The constants of a type of codes, their names, and what all codes have.
macro_rules! codes {
    ($type:ident: $($(#[$doc:meta])* $constant:ident = $value:literal, $name:literal;)*) => {
        impl $type {
            $($(#[$doc])* pub const $constant: Self = Self($value);)*

            /// All codes that have a name, in rising order.
            pub const ALL: &[Self] = &[$(Self::$constant),*];

            /// The name that the protocol gives the code.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }

            /// The code of this number.
            #[must_use]
            pub const fn from_u16(code: u16) -> Self {
                Self(code)
            }

            /// Its number.
            #[must_use]
            pub const fn get(self) -> u16 {
                self.0
            }
        }

        /// With its name, since that is where errors are often read.
        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($type), "({}"), self.0)?;
                if let Some(name) = self.name() {
                    write!(f, " {name}")?;
                }
                f.write_str(")")
            }
        }
    };
}

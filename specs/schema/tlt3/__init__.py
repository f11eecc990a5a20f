"""The dialect of TLT 3.0 to TAO 5."""

"""Owns: the active currency codes of ISO 4217 and how many decimal places each has.
Imports: nothing of the router.
Never: holds codes without a minor unit (metals, testing, no currency): nothing is priced in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: ISO 4217 list one as of 2026-02 (BGN, ANG and CUC are withdrawn; XCG and XAD are in)
_BY_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD
        CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP
        GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
        LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO
        NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS
        SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST
        XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

#: currency code to decimal places (0, 2, 3 or 4)
EXPONENTS: Mapping[str, int] = MappingProxyType(
    {code: places for places, codes in _BY_PLACES.items() for code in codes.split()}
)

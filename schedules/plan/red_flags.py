"""The symptoms for which a patient must not wait, and what to do, in every language.

Source: evidence file, section 6; `sources` are its ids, MEM is general knowledge that was not read in a source.
All are grade E as texts: drafts that a clinician of the clinic reads before use. Every symptom is told at any time,
whatever the procedure and however long after it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text
from schedules.plan.red_flag import RedFlag, Urgency

_CALL, _GO, _TODAY, _NEXT = Urgency
RED_FLAGS: Final = (  # in the order in which they are shown and asked
    RedFlag(
        "airway",
        _CALL,
        Text(
            en="After neck surgery: a swelling neck, noisy breathing, trouble breathing or swallowing your saliva.",
            es=(
                "Después de una operación de cuello: el cuello se hincha, ruido o dificultad al respirar, "
                "o no puede tragar saliva."
            ),
        ),
        ("S138",),
    ),
    RedFlag(
        "chest",
        _CALL,
        Text(
            en="Chest pain, shortness of breath, coughing blood or fainting.",
            es="Dolor en el pecho, falta de aire, tos con sangre o desmayo.",
        ),
        ("S53",),
    ),
    RedFlag(
        "stroke",
        _CALL,
        Text(
            en="A drooping face, trouble speaking or weakness on one side.",
            es="Cara caída de un lado, dificultad para hablar o debilidad de un lado.",
        ),
        ("MEM",),
    ),
    RedFlag("cold_leg", _CALL, Text(en="A cold, pale or blue leg.", es="Una pierna fría, pálida o azulada."), ("MEM",)),
    RedFlag(
        "sedation_or_self_harm",
        _CALL,
        Text(
            en="Very sleepy or hard to wake on strong pain medicine, or thoughts of harming yourself.",
            es="Mucho sueño o difícil de despertar con el analgésico fuerte, o pensamientos de hacerse daño.",
        ),
        ("MEM",),
    ),
    RedFlag(
        "cauda_equina",
        _GO,
        Text(
            en=(
                "New numbness between the legs, trouble passing or holding urine or stool, new loss of sexual feeling, "
                "or pain or weakness in both legs."
            ),
            es=(
                "Adormecimiento nuevo entre las piernas, dificultad para orinar o para retener orina o heces, pérdida "
                "nueva de sensibilidad sexual, o dolor o debilidad en las dos piernas."
            ),
        ),
        ("S136",),
    ),
    RedFlag(
        "no_urine",
        _GO,
        Text(
            en="You cannot pass urine for 6 hours, or no longer feel your bladder.",
            es="No puede orinar durante 6 horas o ya no siente la vejiga.",
        ),
        ("S136", "MEM"),
    ),
    RedFlag(
        "new_weakness",
        _GO,
        Text(
            en="New or worse weakness of a leg or arm, a foot that drops, or pain that quickly gets worse.",
            es="Debilidad nueva o mayor de una pierna o un brazo, un pie que cae, o dolor que empeora rápidamente.",
        ),
        ("S137",),
    ),
    RedFlag(
        "cord",
        _GO,
        Text(
            en="Clumsy hands, unsteady walking, or electric shocks down the spine.",
            es="Manos torpes, andar inestable o descargas eléctricas por la columna.",
        ),
        ("MEM",),
    ),
    RedFlag("vision", _GO, Text(en="New loss of vision.", es="Pérdida nueva de la vista."), ("MEM",)),
    RedFlag(
        "fluid_or_meningitis",
        _GO,
        Text(
            en="Clear, watery fluid from the wound, or a headache with fever, a stiff neck or confusion.",
            es="Líquido claro como agua por la herida, o dolor de cabeza con fiebre, cuello rígido o confusión.",
        ),
        ("S139",),
    ),
    RedFlag(
        "bowel_blocked",
        _GO,
        Text(
            en="No bowel movement with vomiting or a swollen belly.",
            es="No evacúa y tiene vómitos o el vientre hinchado.",
        ),
        ("MEM",),
    ),
    RedFlag(
        "rigors",
        _GO,
        Text(
            en="Fever with shaking chills, or you feel very unwell.", es="Fiebre con escalofríos, o se siente muy mal."
        ),
        ("S53",),
    ),
    RedFlag(
        "calf",
        _TODAY,
        Text(en="One calf that is swollen, hot or painful.", es="Una pantorrilla hinchada, caliente o dolorosa."),
        ("S53",),
    ),
    RedFlag(
        "wound_infection",
        _TODAY,
        Text(
            en=(
                "Fever of 101 °F (38.3 °C) or more, spreading redness, pus, a wound that opens, "
                "or pain that grows after it was better."
            ),
            es=(
                "Fiebre de 38.3 °C (101 °F) o más, enrojecimiento que se extiende, pus, una herida que se abre, "
                "o dolor que aumenta después de haber mejorado."
            ),
        ),
        ("S53",),
    ),
    RedFlag(
        "headache_upright",
        _TODAY,
        Text(
            en="A headache that is worse upright and better lying flat, or a soft bulge at the wound: lie flat.",
            es="Dolor de cabeza peor de pie y mejor acostado, o un bulto blando en la herida: acuéstese.",
        ),
        ("S139",),
        Text(
            en="Lie flat and call us today: {phone}.",
            es="Acuéstese y llámenos hoy: {phone}.",
        ),
    ),
    RedFlag(
        "sudden_pain",
        _TODAY,
        Text(
            en="Sudden new pain in the middle of the back, or leg pain that suddenly comes back.",
            es="Dolor nuevo y repentino en medio de la espalda, o dolor de pierna que vuelve de repente.",
        ),
        ("S87", "S01"),
    ),
    RedFlag(
        "fall",
        _TODAY,
        Text(
            en="A fall or a blow to the operated spine. With weakness: go to an emergency department now.",
            es="Una caída o un golpe en la columna operada. Con debilidad: vaya a urgencias ahora.",
        ),
        ("MEM",),
        Text(
            en="Call us today: {phone}. With weakness: go to an emergency department now.",
            es="Llámenos hoy: {phone}. Con debilidad: vaya a urgencias ahora.",
        ),
    ),
    RedFlag(
        "pain_or_constipation",
        _TODAY,
        Text(
            en="Pain that your prescribed medicine does not control, or no bowel movement for 4 days.",
            es="Dolor que la medicina indicada no controla, o 4 días sin evacuar.",
        ),
        ("MEM",),
    ),
    RedFlag(
        "thigh_numbness",
        _TODAY,
        Text(
            en="Numbness of the groin or thigh or a weak hip that is new or gets worse. With belly pain or dizziness: "
            "go to an emergency department now.",
            es="Adormecimiento de la ingle o el muslo o debilidad de la cadera, nuevos o en aumento. Con dolor de "
            "vientre o mareo: vaya a urgencias ahora.",
        ),
        ("S78",),
        Text(
            en="Call us today: {phone}. With belly pain or dizziness: go to an emergency department now.",
            es="Llámenos hoy: {phone}. Con dolor de vientre o mareo: vaya a urgencias ahora.",
        ),
    ),
    RedFlag(
        "burning_urine",
        _NEXT,
        Text(
            en="Burning when you pass urine (with fever: call today).",
            es="Ardor al orinar (con fiebre: llame hoy).",
        ),
        ("S53",),
        Text(
            en="Call us by tomorrow: {phone}. With fever: call today.",
            es="Llámenos a más tardar mañana: {phone}. Con fiebre: llame hoy.",
        ),
    ),
    RedFlag(
        "swallowing",
        _NEXT,
        Text(
            en="Trouble swallowing or a hoarse voice that gets worse, more than 6 weeks after neck surgery.",
            es="Dificultad para tragar o ronquera que empeora, más de 6 semanas después de una operación de cuello.",
        ),
        ("MEM",),
    ),
)

FLAG_OF_KEY: Final[Mapping[str, RedFlag]] = MappingProxyType({flag.key: flag for flag in RED_FLAGS})


def flags_of(urgency: Urgency) -> tuple[RedFlag, ...]:
    """Return the symptoms that call for this."""
    return tuple(flag for flag in RED_FLAGS if flag.urgency is urgency)

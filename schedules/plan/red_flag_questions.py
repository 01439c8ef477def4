"""The red flags as questions that an app asks, by key: the same symptoms as their texts, and drafts like them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text

QUESTIONS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "airway": Text(
            en=(
                "Since your neck surgery, is your neck swelling, is your breathing noisy, or is it hard to breathe "
                "or swallow your saliva?"
            ),
            es=(
                "Desde su operación de cuello, ¿se le hincha el cuello, respira con ruido, o le cuesta respirar o "
                "tragar saliva?"
            ),
        ),
        "chest": Text(
            en="Do you have chest pain or shortness of breath, do you cough blood, or did you faint?",
            es="¿Tiene dolor en el pecho o falta de aire, tose con sangre, o se desmayó?",
        ),
        "stroke": Text(
            en="Does your face droop, do you have trouble speaking, or is one side of your body weak?",
            es="¿Se le cae un lado de la cara, le cuesta hablar, o tiene débil un lado del cuerpo?",
        ),
        "cold_leg": Text(
            en="Is one of your legs cold, pale or blue?",
            es="¿Tiene una pierna fría, pálida o azulada?",
        ),
        "sedation_or_self_harm": Text(
            en="Are you very sleepy or hard to wake on strong pain medicine, or do you think of harming yourself?",
            es="¿Tiene mucho sueño o cuesta despertarle por el analgésico fuerte, o piensa en hacerse daño?",
        ),
        "cauda_equina": Text(
            en=(
                "Do you have new numbness between the legs, trouble passing or holding urine or stool, new loss of "
                "sexual feeling, or pain or weakness in both legs?"
            ),
            es=(
                "¿Tiene adormecimiento nuevo entre las piernas, dificultad para orinar o para retener orina o heces, "
                "pérdida nueva de sensibilidad sexual, o dolor o debilidad en las dos piernas?"
            ),
        ),
        "no_urine": Text(
            en="Have you been unable to pass urine for 6 hours, or do you no longer feel your bladder?",
            es="¿Lleva 6 horas sin poder orinar, o ya no siente la vejiga?",
        ),
        "new_weakness": Text(
            en="Is a leg or an arm newly weak or weaker than before, does a foot drop, or does pain quickly get worse?",
            es=(
                "¿Tiene debilidad nueva o mayor de una pierna o un brazo, le cae un pie, o el dolor empeora "
                "rápidamente?"
            ),
        ),
        "cord": Text(
            en="Are your hands clumsy, is your walking unsteady, or do you feel electric shocks down your spine?",
            es="¿Tiene las manos torpes, anda inestable, o siente descargas eléctricas por la columna?",
        ),
        "vision": Text(
            en="Have you newly lost vision?",
            es="¿Ha perdido la vista recientemente?",
        ),
        "fluid_or_meningitis": Text(
            en=(
                "Does clear, watery fluid come from the wound, or do you have a headache with fever, a stiff neck or "
                "confusion?"
            ),
            es=(
                "¿Le sale líquido claro como agua por la herida, o tiene dolor de cabeza con fiebre, cuello rígido o "
                "confusión?"
            ),
        ),
        "bowel_blocked": Text(
            en="Have you had no bowel movement and do you vomit, or is your belly swollen?",
            es="¿No ha evacuado y tiene vómitos o el vientre hinchado?",
        ),
        "rigors": Text(
            en="Do you have fever with shaking chills, or do you feel very unwell?",
            es="¿Tiene fiebre con escalofríos, o se siente muy mal?",
        ),
        "calf": Text(
            en="Is one calf swollen, hot or painful?",
            es="¿Tiene una pantorrilla hinchada, caliente o dolorosa?",
        ),
        "wound_infection": Text(
            en=(
                "Do you have a fever of 101 °F (38.3 °C) or more, spreading redness, pus, a wound that opens, or "
                "pain that grows after it was better?"
            ),
            es=(
                "¿Tiene fiebre de 38.3 °C (101 °F) o más, enrojecimiento que se extiende, pus, una herida que se "
                "abre, o dolor que aumenta después de haber mejorado?"
            ),
        ),
        "headache_upright": Text(
            en="Is a headache worse upright and better lying flat, or is there a soft bulge at the wound?",
            es="¿Tiene dolor de cabeza peor de pie y mejor acostado, o un bulto blando en la herida?",
        ),
        "sudden_pain": Text(
            en="Is there sudden new pain in the middle of the back, or did leg pain suddenly come back?",
            es="¿Tiene un dolor nuevo y repentino en medio de la espalda, o le volvió de repente el dolor de pierna?",
        ),
        "fall": Text(
            en="Did you fall, or was your operated spine hit?",
            es="¿Se cayó o recibió un golpe en la columna operada?",
        ),
        "pain_or_constipation": Text(
            en="Does your prescribed medicine not control the pain, or have you had no bowel movement for 4 days?",
            es="¿La medicina indicada no controla el dolor, o lleva 4 días sin evacuar?",
        ),
        "thigh_numbness": Text(
            en="Is numbness of the groin or thigh, or weakness of a hip, new or getting worse?",
            es="¿Tiene adormecimiento de la ingle o el muslo, o debilidad de la cadera, nuevos o en aumento?",
        ),
        "burning_urine": Text(
            en="Does it burn when you pass urine?",
            es="¿Le arde al orinar?",
        ),
        "swallowing": Text(
            en="More than 6 weeks after neck surgery, is trouble swallowing or a hoarse voice getting worse?",
            es=(
                "Más de 6 semanas después de la operación de cuello, ¿le cuesta cada vez más tragar, o empeora la "
                "ronquera?"
            ),
        ),
    }
)

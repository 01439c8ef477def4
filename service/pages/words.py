"""What the pages say around a message, in every language. Defaults that a clinic's clinician reads before use."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text

WORDS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "title": Text(en="A message from your care team", es="Un mensaje de su equipo de atención"),
        "other_language": Text(en="Español", es="English"),
        "born": Text(en="To read it, give your date of birth.", es="Para leerlo, indique su fecha de nacimiento."),
        "day": Text(en="Day", es="Día"),
        "month": Text(en="Month", es="Mes"),
        "year": Text(en="Year", es="Año"),
        "open": Text(en="Read the message", es="Leer el mensaje"),
        "not_open": Text(
            en="This did not work. Check the date. A link works once and for a few days: ask your clinic.",
            es="No funcionó. Revise la fecha. Un enlace sirve una vez y por unos días: pregunte a su clínica.",
        ),
        "no_date": Text(en="Please give a day, a month and a year.", es="Por favor, indique día, mes y año."),
        "form_over": Text(
            en="This page was open too long. Please try again.",
            es="La página estuvo abierta demasiado tiempo. Inténtelo de nuevo.",
        ),
        "not_monitored": Text(
            en="Nobody reads what is sent here right away. In an emergency call your local emergency number.",
            es=(
                "Nadie lee de inmediato lo que se envía aquí. "
                "En una emergencia llame al número de emergencias de su localidad."
            ),
        ),
        "replaced": Text(
            en="This message no longer holds: it was replaced or taken back. If you are unsure, call us.",
            es="Este mensaje ya no vale: fue reemplazado o retirado. Si tiene dudas, llámenos.",
        ),
        "instruction": Text(en="For you", es="Para usted"),
        "arrival": Text(en="Arrive at", es="Llegue a las"),
        "entered_by": Text(en="Entered by", es="Anotado por"),
        "signed_by": Text(en="Signed by", es="Firmado por"),
        "clinician": Text(en="clinician", es="profesional de salud"),
        "coordinator": Text(en="coordinator", es="coordinación"),
        "practice_admin": Text(en="clinic", es="clínica"),
        "auditor": Text(en="clinic, auditor", es="clínica, auditoría"),
        "operator": Text(en="clinic, technical operation", es="clínica, operación técnica"),
        "no_instruction": Text(
            en="Your own instruction is not confirmed for the present day of surgery. Call us before you do anything.",
            es=(
                "Su indicación personal no está confirmada para el día actual de la operación. "
                "Llámenos antes de hacer nada."
            ),
        ),
        "limits": Text(en="Your limits today", es="Sus límites de hoy"),
        "no_limits": Text(en="Your plan has no limit today.", es="Su plan no tiene límites hoy."),
        "no_plan": Text(en="No plan is open. Ask us.", es="No hay ningún plan abierto. Pregúntenos."),
        "through": Text(en="through", es="hasta el"),
        "ask_whether": Text(en="Ask us whether this may end.", es="Pregúntenos si esto puede terminar."),
        "next": Text(en="What comes next", es="Lo que sigue"),
        "nothing_next": Text(en="Nothing is planned next.", es="No hay nada previsto."),
        "cards": Text(en="Good to know", es="Es bueno saberlo"),
        "card_draft": Text(
            en="Draft: no clinician of your clinic has signed this text yet. If in doubt, ask us.",
            es="Borrador: ningún profesional de su clínica ha firmado este texto todavía. Si tiene dudas, pregúntenos.",
        ),
        "grade_A": Text(en="grade A: trials", es="grado A: ensayos clínicos"),
        "grade_B": Text(en="grade B: measured in patients", es="grado B: medido en pacientes"),
        "grade_C": Text(en="grade C: surveys or guidelines", es="grado C: encuestas o guías"),
        "grade_D": Text(en="grade D: one clinic's own guide", es="grado D: guía de una sola clínica"),
        "grade_E": Text(en="grade E: no direct source", es="grado E: sin fuente directa"),
        "check_in": Text(en="How are you today?", es="¿Cómo está hoy?"),
        "pain": Text(
            en="Worst pain now (0 none, 10 the worst imaginable)",
            es="Peor dolor ahora (0 ninguno, 10 el peor imaginable)",
        ),
        "pain_back": Text(en="Pain in the back, 0 to 10", es="Dolor de espalda, 0 a 10"),
        "pain_leg": Text(en="Pain in the leg, 0 to 10", es="Dolor de pierna, 0 a 10"),
        "pain_neck": Text(en="Pain in the neck, 0 to 10", es="Dolor de cuello, 0 a 10"),
        "pain_arm": Text(en="Pain in the arm, 0 to 10", es="Dolor de brazo, 0 a 10"),
        "walking_minutes": Text(en="Minutes walked today, in all", es="Minutos caminados hoy, en total"),
        "took_opioid": Text(
            en="Strong pain medicine or a sedative since your last answer?",
            es="¿Analgésico fuerte o sedante desde su última respuesta?",
        ),
        "opioid_doses": Text(
            en="Doses of your strong pain medicine in the last 24 hours",
            es="Dosis de su analgésico fuerte en las últimas 24 horas",
        ),
        "steps": Text(en="Steps today, in all", es="Pasos de hoy, en total"),
        "temperature": Text(en="Temperature, if you measured it", es="Temperatura, si se la tomó"),
        "wound": Text(
            en="What do you see at your wound? Leave this empty if nothing.",
            es="¿Qué ve en la herida? Déjelo vacío si no ve nada.",
        ),
        "redness": Text(en="Redness at its edge, not spreading", es="Enrojecimiento en el borde, que no se extiende"),
        "spreading_redness": Text(en="Redness that spreads", es="Enrojecimiento que se extiende"),
        "pus": Text(en="Pus, a thick fluid", es="Pus, un líquido espeso"),
        "opening": Text(en="It opens", es="Se abre"),
        "clear_fluid": Text(en="Clear, watery fluid", es="Líquido claro como agua"),
        "blood": Text(en="Blood", es="Sangre"),
        "sleep": Text(en="Sleep last night (0 the worst, 10 the best)", es="Sueño de anoche (0 el peor, 10 el mejor)"),
        "mood": Text(en="Mood (0 the worst, 10 the best)", es="Ánimo (0 el peor, 10 el mejor)"),
        "confidence": Text(
            en="Confidence in moving about (0 the worst, 10 the best)",
            es="Confianza al moverse (0 la peor, 10 la mejor)",
        ),
        "unsaid": Text(en="I do not say", es="No lo digo"),
        "yes": Text(en="Yes", es="Sí"),
        "no": Text(en="No", es="No"),
        "any_exercise": Text(en="What did you do today?", es="¿Qué hizo hoy?"),
        "any_flag": Text(
            en="Do you have any of these now? Do not wait for us: do what is said below.",
            es="¿Tiene ahora algo de esto? No espere nuestra respuesta: haga lo que se indica abajo.",
        ),
        "note": Text(en="Anything else (not for emergencies)", es="Algo más (no para emergencias)"),
        "send": Text(en="Send", es="Enviar"),
        "sent": Text(en="Thank you. Your answers are stored.", es="Gracias. Sus respuestas están guardadas."),
        "already_sent": Text(
            en="This form was sent before; what you sent first is stored. To answer again, use the form below.",
            es=(
                "Este formulario ya se envió; lo primero que envió está guardado. "
                "Para responder otra vez, use el de abajo."
            ),
        ),
        "not_valid": Text(
            en=(
                "Not stored: give your worst pain as a number from 0 to 10, a temperature such as 99.5 °F or 37.5 °C, "
                "and whole numbers elsewhere."
            ),
            es=(
                "No se guardó: indique su peor dolor con un número de 0 a 10, una temperatura como 37.5 °C o 99.5 °F, "
                "y números enteros en lo demás."
            ),
        ),
        "flags": Text(en="Do not wait with these", es="No espere con esto"),
        "emergency_number": Text(en="Call now:", es="Llame ahora:"),
        "emergency_department": Text(en="Go to an emergency department now", es="Vaya a urgencias ahora"),
        "same_day": Text(en="Call us today:", es="Llámenos hoy:"),
        "next_day": Text(en="Call us by tomorrow:", es="Llámenos a más tardar mañana:"),
        "local_number": Text(en="your local emergency number", es="el número de emergencias de su localidad"),
        "drafts": Text(
            en="These texts are the clinic's general information. They do not replace your care team.",
            es="Estos textos son información general de la clínica. No reemplazan a su equipo de atención.",
        ),
        "unavailable": Text(
            en="This page cannot be shown now. Please try again later, or call your clinic.",
            es="La página no se puede mostrar ahora. Inténtelo más tarde o llame a su clínica.",
        ),
        "too_often": Text(en="Too many tries. Please wait a minute.", es="Demasiados intentos. Espere un minuto."),
        "lifting": Text(en="Lifting", es="Levantar peso"),
        "bending_twisting": Text(en="Bending and twisting", es="Inclinarse y girar"),
        "driving": Text(en="Driving", es="Conducir"),
        "sitting": Text(en="Sitting", es="Estar sentado"),
        "brace": Text(en="Brace or collar", es="Corsé o collarín"),
        "low_impact": Text(en="Gentle exercise", es="Ejercicio suave"),
        "non_contact": Text(en="Sports without contact", es="Deportes sin contacto"),
        "contact": Text(en="Contact sports", es="Deportes de contacto"),
        "work": Text(en="Work", es="Trabajo"),
    }
)  # fmt: skip
